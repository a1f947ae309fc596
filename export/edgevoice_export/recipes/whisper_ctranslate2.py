"""Whisper -> CTranslate2, by its own converter."""

from __future__ import annotations

from pathlib import Path

from edgevoice.core.bundle import Role
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export.checkpoint import Checkpoint
from edgevoice_export.native import quiet
from edgevoice_export.recipes.whisper_sherpa import facts
from edgevoice_export.record import Comparison, Product
from edgevoice_export.resources import LIBRARIES_MB, Estimate

FLOAT16 = 2
FLOAT32 = 4


class WhisperCTranslate2:
    """Fulfils ``Recipe``. Weights are stored as float16, as their publishers store them."""

    packages = ("ctranslate2", "torch", "transformers", "numpy")

    def check(self, source: Checkpoint) -> None:
        """Raise ``ModelError`` when a file is absent that converter or runtime read."""
        source.needs("tokenizer.json", "preprocessor_config.json")
        facts(source)

    def estimate(self, source: Checkpoint) -> Estimate:
        """Count float16 on disk, and in memory the source, the converter's copy and the output."""
        millions = source.values / 1e6
        return Estimate(
            disk_mb=millions * FLOAT16 + 4, memory_mb=LIBRARIES_MB + millions * 3 * FLOAT32
        )

    def build(self, source: Checkpoint, folder: Path, progress: Progress) -> Product:
        """Write model.bin and the files that describe it."""
        progress.say("converting")
        from ctranslate2.converters import TransformersConverter

        copied = ["tokenizer.json", "preprocessor_config.json"]
        converter = TransformersConverter(str(source.folder), copy_files=copied)
        with quiet():
            converter.convert(str(folder), quantization="float16", force=True)
        sizes, tokens = facts(source)
        return Product(
            role=Role.STT,
            engine="whisper-ct2",
            languages=tuple(tokens.languages) if sizes.multilingual else ("en",),
            sample_rate=16_000,
        )

    def compare(self, source: Checkpoint, folder: Path, progress: Progress) -> list[Comparison]:
        """Compare the encoder, and logits while decoding, with transformers' own."""
        progress.say("comparing with transformers")
        from edgevoice_export import whisper_ct2_parity

        return whisper_ct2_parity.compare(source, folder)


RECIPE = WhisperCTranslate2()
