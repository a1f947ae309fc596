"""The manifest: the file ``bundle.json`` in a bundle's folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from edgevoice.core.bundle import Bundle, ModelFile, Role
from edgevoice.errors import ModelDamaged, ModelMissing

MANIFEST = "bundle.json"


def read(folder: Path) -> Bundle:
    """Return the bundle in ``folder``; its files are not looked at.

    Raises:
        ModelMissing: there is no manifest.
        ModelDamaged: the manifest cannot be understood.

    """
    try:
        table = json.loads((folder / MANIFEST).read_text("utf-8"))
        return _bundle(table, folder)
    except FileNotFoundError:
        raise ModelMissing(folder.name) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelDamaged(
            f"{MANIFEST} of {folder.name} cannot be read: {type(error).__name__}: {error}.",
            hint=f"edgevoice pull {folder.name}",
        ) from error


def fingerprint(folder: Path) -> str:
    """Return the fingerprint of the recipe that ``folder`` was made by, "" when unknown."""
    try:
        return str(json.loads((folder / MANIFEST).read_text("utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def write(bundle: Bundle, fingerprint: str = "") -> None:
    """Write the manifest of ``bundle`` into its folder, at once or not at all."""
    table = asdict(bundle) | {"fingerprint": fingerprint}
    del table["folder"]
    draft = bundle.folder / f"{MANIFEST}.new"
    draft.write_text(json.dumps(table, indent=2) + "\n", "utf-8")
    draft.replace(bundle.folder / MANIFEST)


def _bundle(table: dict[str, Any], folder: Path) -> Bundle:
    return Bundle(
        name=str(table["name"]),
        role=Role(table["role"]),
        engine=str(table["engine"]),
        folder=folder,
        files=tuple(_file(file) for file in table["files"]),
        licence=str(table.get("licence", "")),
        source=str(table.get("source", "")),
        languages=tuple(map(str, table.get("languages", ()))),
        sample_rate=int(table.get("sample_rate", 0)),
        memory_mb=float(table.get("memory_mb", 0.0)),
        options={str(key): str(value) for key, value in table.get("options", {}).items()},
    )


def _file(table: dict[str, Any]) -> ModelFile:
    name = str(table["name"])
    if PurePosixPath(name).name != name or name in {"", "..", MANIFEST}:
        raise ValueError(f"{name!r} is not the name of a file beside it")
    return ModelFile(name, str(table["sha256"]), int(table["size_bytes"]))
