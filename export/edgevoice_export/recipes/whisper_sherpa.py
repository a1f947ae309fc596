"""Whisper -> ONNX as sherpa-onnx loads it."""

from __future__ import annotations

from pathlib import Path

from edgevoice.core.bundle import Role
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export import whisper_graph
from edgevoice_export.checkpoint import Checkpoint
from edgevoice_export.onnx_graph import Array
from edgevoice_export.record import Comparison, Product
from edgevoice_export.resources import LIBRARIES_MB, Estimate
from edgevoice_export.whisper_facts import WhisperSizes, WhisperTokens, metadata

FLOAT32 = 4
TOKENS_MB = 2


class WhisperSherpa:
    """Fulfils ``Recipe``."""

    packages = ("onnx", "onnxruntime", "sherpa-onnx", "torch", "transformers", "numpy")

    def check(self, source: Checkpoint) -> None:
        """Raise ``ModelError`` without Whisper's own tokenizer: it says which token is which."""
        source.needs("tokenizer.json")
        WhisperTokens(source.json("tokenizer.json")).special("startoftranscript")

    def estimate(self, source: Checkpoint) -> Estimate:
        """Count the weights as float32 three times: in the graph, its file, and the source."""
        weights_mb = source.values * FLOAT32 / 1e6
        return Estimate(disk_mb=weights_mb + TOKENS_MB, memory_mb=LIBRARIES_MB + 3 * weights_mb)

    def build(self, source: Checkpoint, folder: Path, progress: Progress) -> Product:
        """Write encoder, decoder and tokens."""
        sizes, tokens = facts(source)
        described = metadata(sizes, tokens)
        for name, make in (("encoder", whisper_graph.encoder), ("decoder", whisper_graph.decoder)):
            progress.say(f"writing {name}.onnx")
            make(_weights(source, name), sizes).save(folder / f"{name}.onnx", described)
        (folder / "tokens.txt").write_text(tokens.lines(), "ascii")
        return Product(
            role=Role.STT,
            engine="whisper-onnx",
            languages=tuple(tokens.languages) if sizes.multilingual else ("en",),
            sample_rate=16_000,
            options={"tail_frames": str(whisper_graph.TAIL_FRAMES)},
        )

    def compare(self, source: Checkpoint, folder: Path, progress: Progress) -> list[Comparison]:
        """Compare encoder and decoder with transformers' own."""
        progress.say("comparing with transformers")
        from edgevoice_export import whisper_parity

        return whisper_parity.compare(source, folder)


def facts(source: Checkpoint) -> tuple[WhisperSizes, WhisperTokens]:
    """Return what the JSON files of ``source`` say."""
    generation = source.optional_json("generation_config.json")
    tokens = WhisperTokens(source.json("tokenizer.json"))
    return WhisperSizes.of(source.config, generation), tokens


def _weights(source: Checkpoint, side: str) -> dict[str, Array]:
    """Return what the graph of ``side`` is built from, by the names below "model."."""
    wanted = ("decoder.",) if side == "decoder" else ("encoder.", "decoder.layers.")
    return {
        name.removeprefix("model."): source.weight(name)
        for name in source.tensors
        if name.removeprefix("model.").startswith(wanted)
    }


RECIPE = WhisperSherpa()
