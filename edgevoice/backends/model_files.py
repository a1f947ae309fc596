"""Finds a bundle's files for an engine."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

from edgevoice.core.bundle import Bundle
from edgevoice.errors import ModelDamaged, ModelError


def find(bundle: Bundle, pattern: str) -> Path:
    """Return the one file of ``bundle`` whose name matches ``pattern``.

    Raises:
        ModelDamaged: the bundle has it, the device has not.
        ModelError: no file matches, or several do.

    """
    names = [file.name for file in bundle.files if fnmatch(file.name, pattern)]
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise ModelError(f"{bundle.name} should have one file {pattern}; it has {found}.")
    path = bundle.path(names[0])
    if not path.is_file():
        raise ModelDamaged(f"{path} is not there.", hint=f"edgevoice pull {bundle.name}")
    return path
