"""What can be exported: whatever has weights, a kind, and files that can be hashed."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edgevoice.core.bundle import ModelFile
from edgevoice.runtime.bundles.progress import Progress


class Source(Protocol):
    """A model on this device, before export."""

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        ...

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    @property
    def architecture(self) -> str:
        """Its kind, by which a recipe is found."""
        ...

    @property
    def licence(self) -> str:
        """Under what it may be used, "unknown" when it does not say."""
        ...

    @property
    def source(self) -> str:
        """Where it came from, as far as it says."""
        ...

    def files(self) -> list[ModelFile]:
        """Return its files with their hashes."""
        ...

    def check_finite(self, progress: Progress) -> None:
        """Raise ``ModelDamaged`` when a weight is NaN or infinite."""
        ...
