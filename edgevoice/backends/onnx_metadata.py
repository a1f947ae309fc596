"""Reads the metadata of an ONNX file without loading the model."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from edgevoice.errors import ModelDamaged

METADATA_PROPS = 14
"""Field of ONNX's ``ModelProto``: one entry, with key (field 1) and value (field 2)."""

VARINT, COUNTED = 0, 2
FIXED_LENGTH = {1: 8, 5: 4}
"""How Protocol Buffers write a field, in the low three bits of its tag; lengths in bytes."""


def read_metadata(path: Path) -> dict[str, str]:
    """Return the metadata of the model in ``path``; takes the same time at any size.

    Raises:
        ModelDamaged: the file is no whole ONNX model.

    """
    metadata = {}
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
            for number, start, end in _fields(data, 0, len(data)):
                if number == METADATA_PROPS:
                    entry = {n: data[a:b].decode() for n, a, b in _fields(data, start, end)}
                    metadata[entry.get(1, "")] = entry.get(2, "")
    except (OSError, ValueError, IndexError) as error:
        raise ModelDamaged(f"{path} is not a whole ONNX model.") from error
    return metadata


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of the fields from ``at`` to ``end``, but for the varints."""
    while at < end:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            _, at = _varint(data, at)
            continue
        if wire == COUNTED:
            length, at = _varint(data, at)
        elif wire in FIXED_LENGTH:
            length = FIXED_LENGTH[wire]
        else:
            raise ValueError(f"no field begins at byte {at}")
        if at + length > end:
            raise ValueError(f"field {number} is cut short")
        yield number, at, at + length
        at += length


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """Return the number that begins at ``at``, seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
