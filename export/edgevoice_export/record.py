"""What is known of how a bundle was made: the file ``made.json`` among its files.

The manifest ``bundle.json`` says what a runtime must know; this says where it comes from and
how true it is to its source. As one of the bundle's files it is hashed and copied with them.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from edgevoice import __version__
from edgevoice.core.bundle import Bundle, ModelFile, Role
from edgevoice.errors import ModelError
from edgevoice.runtime.bundles import manifest
from edgevoice.runtime.bundles.integrity import describe

RECORD = "made.json"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing measured against the source, and how far it may be off."""

    what: str
    measure: str
    value: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the value is within the tolerance; NaN never is."""
        return self.value <= self.tolerance

    def __str__(self) -> str:
        sign = "<=" if self.holds else ">"
        return f"{self.what}: {self.measure} {self.value:.3g} {sign} {self.tolerance:.3g}"


@dataclass(frozen=True, slots=True)
class LoadCheck:
    """What a child process found that loaded the bundle in its engine and ran it once."""

    engine: str
    memory_mb: float
    load_s: float
    run_s: float
    result: str


@dataclass(frozen=True, slots=True)
class Made:
    """How a bundle came to be. ``source`` are the files it was made from."""

    recipe: str
    source_name: str
    source: tuple[ModelFile, ...]
    outputs: tuple[ModelFile, ...]
    parity: tuple[Comparison, ...]
    load: LoadCheck | None = None
    versions: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Product:
    """What a recipe made in a folder: all files there, and what the manifest says of them."""

    role: Role
    engine: str
    languages: tuple[str, ...] = ()
    sample_rate: int = 0
    options: dict[str, str] = field(default_factory=dict)

    def bundle(self, name: str, folder: Path, licence: str, source: str) -> Bundle:
        """Return the bundle of the files in ``folder``."""
        return Bundle(
            name=name,
            role=self.role,
            engine=self.engine,
            folder=folder,
            files=tuple(describe(file) for file in _files(folder)),
            licence=licence,
            source=source,
            languages=self.languages,
            sample_rate=self.sample_rate,
            options=self.options,
        )


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python, of edgevoice and of those ``packages`` that are installed."""
    found = {"python": platform.python_version(), "edgevoice": __version__}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def write(bundle: Bundle, made: Made) -> Bundle:
    """Write ``made.json`` and the manifest, and return the bundle with the record in it."""
    text = json.dumps(asdict(made), indent=2, ensure_ascii=False)
    (bundle.folder / RECORD).write_text(text + "\n", "utf-8")
    others = tuple(file for file in bundle.files if file.name != RECORD)
    memory_mb = made.load.memory_mb if made.load else bundle.memory_mb
    files = (*others, describe(bundle.folder / RECORD))
    bundle = replace(bundle, files=files, memory_mb=memory_mb)
    manifest.write(bundle)
    return bundle


def read(folder: Path) -> dict[str, Any]:
    """Return the content of the record in ``folder``, empty when it has none."""
    try:
        content = json.loads((folder / RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def check(comparisons: Sequence[Comparison]) -> None:
    """Raise ``ModelError`` for the comparison that is furthest beyond its tolerance."""
    failed = [comparison for comparison in comparisons if not comparison.holds]
    if failed:
        worst = max(failed, key=lambda c: c.value / c.tolerance if c.tolerance else c.value)
        raise ModelError(
            f"The output is not true to its source: {worst}. No bundle was written.",
            hint="please report the checkpoint: its architecture is not what its config says",
        )


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file())
