"""Bundles out of a folder or a file that the user has already."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edgevoice.core.bundle import Bundle, ModelFile
from edgevoice.errors import Misused, ModelError
from edgevoice.runtime.bundles import manifest
from edgevoice.runtime.bundles.catalogue import Recipe
from edgevoice.runtime.bundles.integrity import copy, describe
from edgevoice.runtime.bundles.kinds import recognize
from edgevoice.runtime.bundles.progress import Progress


def bundle_in_place(path: Path, *, role: str = "", engine: str = "") -> Bundle:
    """Return what lies at ``path``, a folder or one file of it, as a bundle.

    Where there is a manifest, it counts; else the engine is told from the files' names, and
    no hash is promised.

    Raises:
        ModelError: there is nothing at ``path``, or it cannot be read.
        Misused: the files are not those of a model.

    """
    try:
        return _bundle_in_place(path, role, engine)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error


def _bundle_in_place(path: Path, role: str, engine: str) -> Bundle:
    if not path.exists():
        raise ModelError(f"There is nothing at {path}.", hint="edgevoice list for known names")
    folder = path if path.is_dir() else path.parent
    if path.is_dir() and (folder / manifest.MANIFEST).exists():
        return manifest.read(folder)
    names = _names(path)
    kind, chosen = recognize(names, where=str(path), role=role, engine=engine)
    bundle = Bundle(
        name=usual_name(path.stem if path.is_file() else path.name),
        role=kind.role,
        engine=kind.engine,
        folder=folder,
        files=tuple(ModelFile(name, "", (folder / name).stat().st_size) for name in chosen),
        licence="unknown",
        source=str(path),
        sample_rate=kind.sample_rate,
    )
    return with_voice_details(bundle)


def recipe(bundle: Bundle, name: str) -> Recipe:
    """Return the recipe by which ``bundle`` is copied into a store under ``name``.

    Raises:
        ModelError: a file that no manifest describes cannot be read.

    """
    try:
        files = tuple(
            file if file.sha256 else describe(bundle.path(file.name)) for file in bundle.files
        )
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be read: {error.strerror}.") from error
    return Recipe(
        name=name,
        title=name,
        role=bundle.role,
        engine=bundle.engine,
        licence=bundle.licence,
        source=bundle.source,
        files=files,
        languages=bundle.languages,
        sample_rate=bundle.sample_rate,
        memory_mb=bundle.memory_mb,
        options=bundle.options,
    )


def fetch(bundle: Bundle, work: Path, progress: Progress) -> None:
    """Copy the files of ``bundle`` into ``work``; the user's own stay as they are."""
    progress.begin(bundle.name, sum(file.size_bytes for file in bundle.files))
    for file in bundle.files:
        copy(bundle.path(file.name), work / file.name, progress.advance)


def usual_name(text: str) -> str:
    """Return ``text`` in the form that names of bundles have."""
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")
    if not name:
        raise Misused(f"{text!r} gives no name for a bundle.", hint="--name NAME")
    return name


def with_voice_details(bundle: Bundle) -> Bundle:
    """Return ``bundle`` with what a Piper voice's own description says of rate and language."""
    described = [bundle.path(f.name) for f in bundle.files if f.name.endswith(".onnx.json")]
    if bundle.engine != "piper" or not described:
        return bundle
    try:
        voice = json.loads(described[0].read_text("utf-8"))
        return replace(
            bundle,
            sample_rate=int(voice["audio"]["sample_rate"]),
            languages=(str(_language(voice)),),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Misused(
            f"{described[0]} does not describe a Piper voice: {type(error).__name__}: {error}."
        ) from error


def _language(voice: Mapping[str, Mapping[str, str]]) -> str:
    return voice.get("language", {}).get("family") or voice["espeak"]["voice"].partition("-")[0]


def _names(path: Path) -> list[str]:
    """Return the names of the files meant by ``path``: a file brings along its description."""
    if path.is_dir():
        return sorted(file.name for file in path.iterdir() if file.is_file())
    beside = path.with_name(f"{path.name}.json")
    return [path.name, beside.name] if beside.is_file() else [path.name]
