"""One recipe for each architecture and target: what it needs, makes, and compares."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from edgevoice.errors import BackendMissing, Misused, ModelError
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export.record import Comparison, Product
from edgevoice_export.resources import Estimate
from edgevoice_export.sources import Source


class Recipe(Protocol):
    """How a source of one architecture becomes a bundle for one engine."""

    packages: Sequence[str]
    """Whose versions the record keeps."""

    def check(self, source: Source) -> None:
        """Raise ``ModelError`` when the source lacks a file that the recipe needs."""
        ...

    def estimate(self, source: Source) -> Estimate:
        """Return what the export will take, from headers alone."""
        ...

    def build(self, source: Source, folder: Path, progress: Progress) -> Product:
        """Write the bundle's files, and nothing else, into ``folder``."""
        ...

    def compare(self, source: Source, folder: Path, progress: Progress) -> list[Comparison]:
        """Run source and output side by side."""
        ...


RECIPES = {
    ("whisper", "sherpa-onnx"): "whisper_sherpa",
    ("whisper", "ctranslate2"): "whisper_ctranslate2",
    ("whisper", "onnx"): "whisper_optimum",
    ("moonshine", "onnx"): "moonshine_optimum",
    ("vits", "sherpa-onnx"): "vits_sherpa",
    ("piper", "sherpa-onnx"): "piper_sherpa",
    ("llama", "gguf"): "llama_gguf",
    ("qwen2", "gguf"): "llama_gguf",
    ("qwen3", "gguf"): "llama_gguf",
    ("llama", "onnx"): "llama_optimum",
    ("qwen2", "onnx"): "llama_optimum",
    ("qwen3", "onnx"): "llama_optimum",
}
"""(architecture, target) -> the module here whose ``RECIPE`` it is."""

TARGETS = sorted({target for _, target in RECIPES})


def find(architecture: str, target: str) -> Recipe:
    """Return the recipe for ``architecture`` and ``target``.

    Raises:
        ModelError: nothing is known of the architecture.
        Misused: it cannot be brought to this target.
        BackendMissing: a package of the extra is not installed.

    """
    possible = [to for known, to in RECIPES if known == architecture]
    if not possible:
        known = ", ".join(sorted({known for known, _ in RECIPES}))
        raise ModelError(
            f"There is no recipe for the architecture {architecture!r}.",
            hint=f"a checkpoint of {known}",
        )
    if target not in possible:
        raise Misused(
            f"A checkpoint of {architecture} cannot be exported to {target}.",
            hint=" or ".join(f"--to {to}" for to in possible),
        )
    try:
        module = import_module(f"{__name__}.{RECIPES[architecture, target]}")
    except ModuleNotFoundError as missing:
        raise BackendMissing(str(missing.name), extra="export") from missing
    return cast(Recipe, module.RECIPE)
