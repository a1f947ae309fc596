"""CTranslate2's ``model.bin``, binary version 6: named tensors, and other names for some of them.

Layout, little-endian: uint32 version, string name of the spec, uint32 its revision; uint32 count
of tensors, each string name, uint8 rank, uint32 per dimension, uint8 type, uint32 bytes, the
data; uint32 count of aliases, each string alias, string name. A string is uint16 length with a
closing zero (``ctranslate2/specs/model_spec.py``).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from edgevoice.errors import ModelDamaged, ModelError

VERSION = 6

TYPES = ("<f4", "|i1", "<i2", "<i4", "<f2")
"""By their number in the file. The sixth, bfloat16, numpy does not know."""

Tensor = NDArray[np.generic]


@dataclass(slots=True)
class Ct2File:
    """What a ``model.bin`` holds; scalars are tensors without dimensions."""

    spec: str
    revision: int
    tensors: dict[str, Tensor]
    aliases: dict[str, str] = field(default_factory=dict)


def read(file: Path) -> Ct2File:
    """Return the content of ``file``.

    Raises:
        ModelError: it is absent, or of another version.
        ModelDamaged: it is cut short.

    """
    try:
        with file.open("rb") as stream:
            version, spec = _number(stream, "I"), _string(stream)
            if version != VERSION:
                raise ModelError(f"{file} has the binary version {version}, not {VERSION}.")
            found = Ct2File(spec, _number(stream, "I"), {})
            for _ in range(_number(stream, "I")):
                name = _string(stream)
                found.tensors[name] = _tensor(stream)
            for _ in range(_number(stream, "I")):
                alias = _string(stream)
                found.aliases[alias] = _string(stream)
    except FileNotFoundError:
        raise ModelError(f"{file} is missing.") from None
    except (struct.error, ValueError, IndexError) as error:
        raise ModelDamaged(f"{file} is no model of CTranslate2, or cut short: {error}") from error
    return found


def write(file: Path, content: Ct2File) -> None:
    """Write ``content`` to ``file``, the tensors in the order of their names as readers expect."""
    with file.open("wb") as stream:
        stream.write(struct.pack("<I", VERSION) + _packed(content.spec))
        stream.write(struct.pack("<II", content.revision, len(content.tensors)))
        for name, values in sorted(content.tensors.items()):
            kind = TYPES.index(values.dtype.str)
            stream.write(_packed(name) + struct.pack("<B", values.ndim))
            stream.write(struct.pack(f"<{values.ndim}I", *values.shape))
            stream.write(struct.pack("<BI", kind, values.nbytes) + values.tobytes())
        stream.write(struct.pack("<I", len(content.aliases)))
        for alias, name in sorted(content.aliases.items()):
            stream.write(_packed(alias) + _packed(name))


def _tensor(stream: BinaryIO) -> Tensor:
    shape = [_number(stream, "I") for _ in range(_number(stream, "B"))]
    kind = TYPES[_number(stream, "B")]
    return np.frombuffer(stream.read(_number(stream, "I")), kind).reshape(shape)


def _number(stream: BinaryIO, code: str) -> int:
    (number,) = struct.unpack("<" + code, stream.read(struct.calcsize("<" + code)))
    return int(number)


def _string(stream: BinaryIO) -> str:
    text = stream.read(_number(stream, "H"))
    if not text.endswith(b"\0"):
        raise ValueError("a name does not end")
    return text[:-1].decode()


def _packed(text: str) -> bytes:
    return struct.pack("<H", len(text.encode()) + 1) + text.encode() + b"\0"
