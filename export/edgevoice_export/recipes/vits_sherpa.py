"""VITS (MMS-TTS) -> ONNX with the metadata and tokens that sherpa-onnx needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgevoice.core.bundle import Role
from edgevoice.errors import ModelError
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export.checkpoint import Checkpoint
from edgevoice_export.record import Comparison, Product
from edgevoice_export.resources import LIBRARIES_MB, Estimate
from edgevoice_export.sessions import open_session

FLOAT32_MB = 4e-6

LENGTHS = (21, 121)
"""Letters, with the blanks between them, of a word and of a sentence."""

TOLERANCE = 1e-3
"""Of full scale: sixty decibels below it."""


class VitsSherpa:
    """Fulfils ``Recipe``."""

    packages = ("torch", "transformers", "onnx", "onnxruntime", "sherpa-onnx", "numpy")

    def check(self, source: Checkpoint) -> None:
        """Raise ``ModelError`` for a voice that reads something else than letters, or has many."""
        source.needs("vocab.json", "tokenizer_config.json")
        settings = source.json("tokenizer_config.json")
        for setting, reads in (("phonemize", "phonemes"), ("is_uroman", "romanized text")):
            if settings.get(setting):
                raise ModelError(
                    f"{source.folder} reads {reads}, which must be made from text first.",
                    hint="a VITS checkpoint that reads letters, such as facebook/mms-tts-eng",
                )
        if source.config.get("num_speakers", 1) > 1:
            raise ModelError(
                f"{source.folder} has {source.config['num_speakers']} speakers.",
                hint="a voice of one speaker",
            )

    def estimate(self, source: Checkpoint) -> Estimate:
        """Count the graph on disk; in memory the source, the trace, and the graph twice."""
        weights_mb = source.values * FLOAT32_MB
        return Estimate(disk_mb=1.1 * weights_mb + 1, memory_mb=LIBRARIES_MB + 5 * weights_mb)

    def build(self, source: Checkpoint, folder: Path, progress: Progress) -> Product:
        """Write the graph and tokens.txt."""
        progress.say("tracing with torch")
        from edgevoice_export import vits_graph

        settings = source.json("tokenizer_config.json")
        language = str(settings.get("language") or "".join(source.languages[:1]) or "unknown")
        rate = int(source.config["sampling_rate"])
        described: dict[str, object] = {
            "model_type": "vits",
            "comment": "mms",
            "language": language,
            "frontend": "characters",
            "add_blank": int(settings.get("add_blank", True)),
            "n_speakers": 1,
            "sample_rate": rate,
        }
        voice = vits_graph.load(source.folder)
        vits_graph.trace(voice, source.config["vocab_size"], folder / "model.onnx", described)
        (folder / "tokens.txt").write_text(letter_table(source.json("vocab.json")), "utf-8")
        return Product(
            role=Role.TTS,
            engine="vits",
            languages=source.languages or ((language,) if language != "unknown" else ()),
            sample_rate=rate,
            options={
                "noise_scale": str(source.config.get("noise_scale", 0.667)),
                "noise_scale_w": str(source.config.get("noise_scale_duration", 0.8)),
            },
        )

    def compare(self, source: Checkpoint, folder: Path, progress: Progress) -> list[Comparison]:
        """Compare the sound of both at two lengths, without the noise that makes it differ."""
        progress.say("comparing with transformers")
        import torch

        from edgevoice_export import vits_graph

        voice, session = vits_graph.load(source.folder), open_session(folder / "model.onnx")
        found = []
        for length in LENGTHS:
            numbers = np.random.default_rng(0).integers(1, source.config["vocab_size"], length)
            numbers[::2] = 0
            given = vits_graph.inputs(numbers.tolist())
            with torch.inference_mode():
                wanted = voice(*given).numpy()
            names = zip(vits_graph.INPUTS, given, strict=True)
            feeds: dict[str, Any] = {name: tensor.numpy() for name, tensor in names}
            sound = session.run(None, feeds)[0].reshape(wanted.shape[0], -1)
            same = sound.shape == wanted.shape
            off = float(np.abs(sound - wanted).max()) if same else float("inf")
            found.append(Comparison(f"{length} letters", "largest difference", off, TOLERANCE))
        return found


def letter_table(vocabulary: dict[str, int]) -> str:
    """Return the text of tokens.txt; sherpa-onnx ends the process over a token of two letters."""
    ordered = sorted(vocabulary.items(), key=lambda item: item[1])
    return "".join(f"{letter} {number}\n" for letter, number in ordered if len(letter) == 1)


RECIPE = VitsSherpa()
