"""Whisper -> ONNX, by optimum."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from edgevoice.core.bundle import Role
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export.checkpoint import Checkpoint
from edgevoice_export.recipes.whisper_sherpa import facts
from edgevoice_export.record import Comparison, Product
from edgevoice_export.resources import LIBRARIES_MB, Estimate

FLOAT32_MB = 4e-6
SCRATCH = 2.5
"""Optimum writes the decoder three times, and keeps one: in parts of the weights' size."""

MODELS = ("encoder_model.onnx", "decoder_model_merged.onnx")
DESCRIPTIONS = ("tokenizer.json", "generation_config.json", "config.json")


class WhisperOptimum:
    """Fulfils ``Recipe``."""

    packages = ("optimum", "optimum-onnx", "onnx", "onnxruntime", "torch", "transformers", "numpy")

    def check(self, source: Checkpoint) -> None:
        """Raise ``ModelError`` when a file is absent that exporter or runtime read."""
        source.needs(*DESCRIPTIONS, "preprocessor_config.json")
        facts(source)

    def estimate(self, source: Checkpoint) -> Estimate:
        """Count the graphs, those that are thrown away, and the source."""
        weights_mb = source.values * FLOAT32_MB
        return Estimate(disk_mb=weights_mb * (1 + SCRATCH), memory_mb=LIBRARIES_MB + 4 * weights_mb)

    def build(self, source: Checkpoint, folder: Path, progress: Progress) -> Product:
        """Write encoder, merged decoder, and the files that describe them."""
        progress.say("tracing with optimum")
        from edgevoice_export import optimum_export

        optimum_export.export(
            source.folder, folder, "automatic-speech-recognition-with-past", MODELS
        )
        for name in DESCRIPTIONS:
            shutil.copy(source.folder / name, folder)
        sizes, tokens = facts(source)
        return Product(
            role=Role.STT,
            engine="whisper-optimum",
            languages=tuple(tokens.languages) if sizes.multilingual else ("en",),
            sample_rate=16_000,
        )

    def compare(self, source: Checkpoint, folder: Path, progress: Progress) -> list[Comparison]:
        """Compare with transformers: the encoder takes 30 s, the speech in it has two lengths."""
        progress.say("comparing with transformers")
        from edgevoice_export import seq2seq_parity

        bands = source.config["num_mel_bins"]
        noise = np.random.default_rng(0).uniform(-1, 1.5, (1, bands, 3000)).astype(np.float32)
        short = noise.copy()
        short[:, :, 600:] = short.min()
        sounds = {"30 s": {"input_features": noise}, "6 s": {"input_features": short}}
        return seq2seq_parity.compare(source, folder, sounds)


RECIPE = WhisperOptimum()
