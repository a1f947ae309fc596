"""A role measured without its engine: quality and size are read off the bundle's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgevoice.core.bundle import Role
from edgevoice.errors import ModelError
from edgevoice.runtime.bundles.local import bundle_in_place
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_quantize.audit import audit
from edgevoice_quantize.held_out import Calibration, Item
from edgevoice_quantize.measures import Measures, Space
from edgevoice_quantize.recipe import Recipe, Step
from edgevoice_quantize.search import Choice, Layer
from tests.quantize.bundles import utterances


@dataclass
class FakeMeasure:
    """Errors by file: what its int8 costs. ``measured`` are the folders in order, with data."""

    harm: dict[str, float]
    measured: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    refuses: str = ""
    stop_after: int = 10**6

    version = 1
    budget = "wer+0.5"
    columns: Mapping[str, str] = field(default_factory=lambda: {"wer": ".2%"})

    def items(self, data: Path | None) -> list[Item]:
        return utterances(60)

    def measure(
        self, bundle: Path, items: Sequence[Item], source: Path, work: Path, progress: Progress
    ) -> Measures:
        if len(self.measured) >= self.stop_after:
            raise KeyboardInterrupt
        self.measured.append((str(bundle), frozenset(item.name for item in items)))
        small = [f.name for f in bundle.glob("*.onnx") if audit(f).quantized]
        if self.refuses in small:
            raise ModelError("The engine was ended by SIGSEGV: it said nothing.")
        wer = 0.05 + sum(self.harm[name] for name in small)
        mb = bundle_in_place(bundle).size_mb
        return Measures({"mb": mb, "seconds": mb, "pss_mb": mb, "wer": wer})

    def space(
        self, source: Path, calibration: Calibration, work: Path, progress: Progress
    ) -> Space:
        return FakeSpace([_layer(name, harm) for name, harm in self.harm.items()])


@dataclass
class FakeSpace:
    """Each file is a layer."""

    layers: list[Layer]

    def recipe(self, chosen: Mapping[str, str]) -> Recipe:
        small = sorted(name for name, level in chosen.items() if level == "int8")
        steps = tuple(Step(name, "onnx_int8_dynamic") for name in small)
        return Recipe(f"stt-search-{'-'.join(small)}", Role.STT, "whisper-onnx", steps)


def _layer(name: str, harm: float) -> Layer:
    return Layer(name, (Choice("float", 4.0, 0.0), Choice("int8", 1.0, harm)))
