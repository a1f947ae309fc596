"""Llama and its relatives -> ONNX, by optimum."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from edgevoice.core.bundle import Role
from edgevoice.errors import ModelError
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export.checkpoint import Checkpoint
from edgevoice_export.record import Comparison, Product
from edgevoice_export.resources import LIBRARIES_MB, Estimate

FLOAT32_MB = 4e-6
DESCRIPTIONS = ("config.json", "tokenizer.json", "tokenizer_config.json")


class LlamaOptimum:
    """Fulfils ``Recipe``."""

    packages = ("optimum", "optimum-onnx", "onnx", "onnxruntime", "torch", "transformers", "numpy")

    def check(self, source: Checkpoint) -> None:
        """Raise ``ModelError`` when a file is absent that exporter or runtime read."""
        source.needs(*DESCRIPTIONS)
        if not chat_template(source):
            raise ModelError(
                f"{source.folder} has no chat template: it is not made for conversation.",
                hint="the instruct or chat variant of this model",
            )

    def estimate(self, source: Checkpoint) -> Estimate:
        """Count the graph twice while it is written; in memory the source, the trace, the graph."""
        weights_mb = source.values * FLOAT32_MB
        return Estimate(disk_mb=2.2 * weights_mb, memory_mb=LIBRARIES_MB + 4 * weights_mb)

    def build(self, source: Checkpoint, folder: Path, progress: Progress) -> Product:
        """Write the graph and the files that describe it."""
        progress.say("tracing with optimum")
        from edgevoice_export import optimum_export

        optimum_export.export(source.folder, folder, "text-generation-with-past", ("model.onnx",))
        for name in DESCRIPTIONS:
            shutil.copy(source.folder / name, folder)
        settings = source.json("tokenizer_config.json") | {"chat_template": chat_template(source)}
        text = json.dumps(settings, indent=1, ensure_ascii=False)
        (folder / "tokenizer_config.json").write_text(text, "utf-8")
        return Product(role=Role.LLM, engine="onnx-llm", languages=source.languages)

    def compare(self, source: Checkpoint, folder: Path, progress: Progress) -> list[Comparison]:
        """Compare logits and a greedy reply with transformers'."""
        progress.say("comparing with transformers")
        from edgevoice_export import onnx_llm_parity

        return onnx_llm_parity.compare(source, folder / "model.onnx")


def chat_template(source: Checkpoint) -> str:
    """Return the chat template, which lies in one of two places, or ""."""
    beside = source.folder / "chat_template.jinja"
    if beside.is_file():
        return beside.read_text("utf-8")
    told = source.optional_json("tokenizer_config.json").get("chat_template")
    return told if isinstance(told, str) else ""


RECIPE = LlamaOptimum()
