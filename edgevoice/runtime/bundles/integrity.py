"""Whether the files of a bundle are those that its manifest promises."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from edgevoice.core.bundle import Bundle, ModelFile
from edgevoice.errors import ModelDamaged, ModelError

CHUNK_BYTES = 1 << 20
"""Read and written at a time: large enough for an SD card, small beside the memory of a Pi."""

STAMPS = "stamps.json"

Stamp = list[int]
"""Size, mtime and ctime in ns, inode: a file is hashed again when one of them has changed."""


def chunks(path: Path) -> Iterator[bytes]:
    """Yield the content of ``path``, ``CHUNK_BYTES`` at a time."""
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def copy(source: Path, target: Path, advance: Callable[[int], None]) -> None:
    """Copy the content of ``source``; ``advance`` is told of bytes as they are written."""
    with target.open("wb") as stream:
        for chunk in chunks(source):
            stream.write(chunk)
            advance(len(chunk))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the content of ``path`` in hexadecimal."""
    digest = hashlib.sha256()
    for chunk in chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


def describe(path: Path) -> ModelFile:
    """Return the name, hash and size of the file at ``path``."""
    return ModelFile(path.name, sha256_of(path), path.stat().st_size)


def problem(path: Path, promised: ModelFile) -> str:
    """Say how the file at ``path`` differs from what is ``promised``, "" when it does not.

    An empty hash promises the size only.
    """
    if wrong := _size_problem(path, promised):
        return wrong
    if promised.sha256 and (found := sha256_of(path)) != promised.sha256:
        return f"its SHA-256 should begin with {promised.sha256[:12]} and begins with {found[:12]}"
    return ""


def damaged(file: str, bundle: str, problem: str, *, hint: str) -> ModelDamaged:
    """Return the error that says what is wrong with a file of a bundle."""
    return ModelDamaged(f"{file} of {bundle} is damaged: {problem}.", hint=hint)


def check(bundle: Bundle, *, hint: str, every_byte: bool = False) -> None:
    """Check all files of ``bundle``: sizes always, hashes where a file's stamp has changed.

    So a start takes no longer with large models, yet no changed file is loaded.
    ``every_byte`` hashes regardless of stamps, which also finds what a worn card has lost.

    Raises:
        ModelDamaged: names the first file that is not as promised.
        ModelError: a file cannot be read.

    """
    known = {} if every_byte else _read_stamps(bundle.folder)
    found: dict[str, Stamp] = {}
    try:
        for file in bundle.files:
            path = bundle.path(file.name)
            wrong = _size_problem(path, file)
            if not wrong:
                found[file.name] = _stamp(path)
                if known.get(file.name) != found[file.name]:
                    wrong = problem(path, file)
            if wrong:
                raise damaged(file.name, bundle.name, wrong, hint=hint)
    except OSError as error:
        raise ModelError(f"{bundle.name} cannot be read: {error}.") from error
    if found != known:
        _write_stamps(bundle.folder, found)


def vouch(bundle: Bundle) -> None:
    """Note that the files of ``bundle`` were just found to be as promised."""
    stamps = {file.name: _stamp(bundle.path(file.name)) for file in bundle.files}
    _write_stamps(bundle.folder, stamps)


def _size_problem(path: Path, promised: ModelFile) -> str:
    if not path.is_file():
        return "the file is missing"
    if (size := path.stat().st_size) != promised.size_bytes:
        return f"it should have {promised.size_bytes:,} bytes and has {size:,}"
    return ""


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _read_stamps(folder: Path) -> dict[str, Stamp]:
    try:
        stamps = json.loads((folder / STAMPS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return stamps if isinstance(stamps, dict) else {}


def _write_stamps(folder: Path, stamps: dict[str, Stamp]) -> None:
    """Keep the stamps; a folder that cannot be written to is hashed at every start."""
    draft = folder / f"{STAMPS}.new"
    try:
        draft.write_text(json.dumps(stamps), "utf-8")
        draft.replace(folder / STAMPS)
    except OSError:
        return
