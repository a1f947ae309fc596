"""Moonshine -> ONNX, by optimum, in the files that sherpa-onnx loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgevoice.core.bundle import Role
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export import token_table
from edgevoice_export.checkpoint import Checkpoint
from edgevoice_export.recipes.whisper_optimum import FLOAT32_MB, MODELS, SCRATCH
from edgevoice_export.record import Comparison, Product
from edgevoice_export.resources import LIBRARIES_MB, Estimate
from edgevoice_export.safetensors import Tensor

SECONDS = (1, 4)


class MoonshineOptimum:
    """Fulfils ``Recipe``."""

    packages = ("optimum", "optimum-onnx", "onnx", "onnxruntime", "torch", "transformers", "numpy")

    def check(self, source: Checkpoint) -> None:
        """Raise ``ModelError`` without a tokenizer that can be made into a table."""
        source.needs("tokenizer.json")
        token_table.lines(source.json("tokenizer.json"))

    def estimate(self, source: Checkpoint) -> Estimate:
        """Count the graphs, those that are thrown away, and the source."""
        weights_mb = source.values * FLOAT32_MB
        return Estimate(
            disk_mb=weights_mb * (1 + SCRATCH) + 1, memory_mb=LIBRARIES_MB + 4 * weights_mb
        )

    def build(self, source: Checkpoint, folder: Path, progress: Progress) -> Product:
        """Write encoder, merged decoder and tokens."""
        progress.say("tracing with optimum")
        from edgevoice_export import optimum_export

        optimum_export.export(
            source.folder, folder, "automatic-speech-recognition-with-past", MODELS
        )
        lines = token_table.lines(source.json("tokenizer.json"))
        (folder / "tokens.txt").write_text(lines, "ascii")
        return Product(
            role=Role.STT, engine="moonshine", languages=source.languages, sample_rate=16_000
        )

    def compare(self, source: Checkpoint, folder: Path, progress: Progress) -> list[Comparison]:
        """Compare with transformers, on sound of two lengths."""
        progress.say("comparing with transformers")
        from edgevoice_export import seq2seq_parity

        sounds: dict[str, dict[str, Tensor]] = {}
        for seconds in SECONDS:
            noise = np.random.default_rng(0).normal(0, 0.1, (1, 16_000 * seconds))
            sounds[f"{seconds} s"] = {
                "input_values": noise.astype(np.float32),
                "attention_mask": np.ones(noise.shape, np.int64),
            }
        return seq2seq_parity.compare(source, folder, sounds)


RECIPE = MoonshineOptimum()
