"""Llama and its relatives -> GGUF, by llama.cpp's own converter."""

from __future__ import annotations

from pathlib import Path

from edgevoice.core.bundle import Role
from edgevoice.errors import ModelError
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export import llama_cpp_converter
from edgevoice_export.checkpoint import Checkpoint
from edgevoice_export.record import Comparison, Product
from edgevoice_export.resources import LIBRARIES_MB, Estimate

FLOAT16 = 2
FLOAT32 = 4
TOKENIZER_MB = 10

TOKENIZERS = ("tokenizer.json", "tokenizer.model")


class LlamaGguf:
    """Fulfils ``Recipe``. Weights become float16: what quantizing starts from, and no larger."""

    packages = ("llama-cpp-python", "torch", "transformers", "numpy")

    def check(self, source: Checkpoint) -> None:
        """Raise ``ModelError`` when there is no tokenizer."""
        if not any((source.folder / name).is_file() for name in TOKENIZERS):
            source.needs(TOKENIZERS[0])
        settings = source.optional_json("tokenizer_config.json")
        if "chat_template" not in settings and not (source.folder / "chat_template.jinja").exists():
            raise ModelError(
                f"{source.folder} has no chat template: it is not made for conversation.",
                hint="the instruct or chat variant of this model",
            )

    def estimate(self, source: Checkpoint) -> Estimate:
        """Count float16 on disk; the comparison has the source as float32 and the output loaded."""
        millions = source.values / 1e6
        return Estimate(
            disk_mb=millions * FLOAT16 + TOKENIZER_MB,
            memory_mb=LIBRARIES_MB + millions * (FLOAT32 + FLOAT16),
        )

    def build(self, source: Checkpoint, folder: Path, progress: Progress) -> Product:
        """Write one .gguf file."""
        output = folder / f"{source.name}.f16.gguf"
        llama_cpp_converter.convert(source.folder, output, "f16", progress)
        return Product(role=Role.LLM, engine="gguf", languages=source.languages)

    def compare(self, source: Checkpoint, folder: Path, progress: Progress) -> list[Comparison]:
        """Compare tokens, logits and a greedy reply with transformers'."""
        progress.say("comparing with transformers")
        from edgevoice_export import gguf_parity

        return gguf_parity.compare(source, next(folder.glob("*.gguf")))


RECIPE = LlamaGguf()
