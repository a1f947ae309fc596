"""Safetensors files, read and written without torch: enough to check them and to make small ones.

The format: eight bytes little-endian (length of the header), the header as JSON
(``{name: {"dtype", "shape", "data_offsets"}}``, offsets from the end of the header), the data.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgevoice.errors import ModelDamaged

Tensor = NDArray[np.generic]

HEADER_LIMIT = 100_000_000
"""Bytes; the reference implementation refuses longer headers too."""

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?",
}  # fmt: skip
"""Name in the file -> numpy. Numpy knows no bfloat16: it is the upper half of a float32."""

SCAN_VALUES = 4_000_000
"""Values looked at in one piece when scanning: 16 MB of float32, whatever the tensor's size."""


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """Where one tensor lies: ``start`` and ``end`` are bytes from the beginning of ``file``."""

    file: Path
    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def values(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def is_float(self) -> bool:
        """True for types that can hold NaN."""
        return self.dtype in {"F64", "F32", "F16", "BF16"}

    def pieces(self) -> Iterator[Tensor]:
        """Yield the values in pieces of ``SCAN_VALUES``, floats as float32 or float64."""
        stored = np.memmap(self.file, DTYPES[self.dtype], "r", self.start, (self.values,))
        for first in range(0, self.values, SCAN_VALUES):
            piece = stored[first : first + SCAN_VALUES]
            if self.dtype == "BF16":
                yield (piece.astype(np.uint32) << 16).view(np.float32)
            else:
                yield np.asarray(piece)

    def not_finite(self) -> int:
        """Count the values that are NaN or infinite."""
        if not self.is_float:
            return 0
        return sum(int(np.count_nonzero(~np.isfinite(piece))) for piece in self.pieces())


def read_header(file: Path) -> list[TensorEntry]:
    """Return the tensors of ``file``, without reading their data.

    Raises:
        ModelDamaged: the file is no safetensors file, or shorter than its header says.

    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or not 2 <= length <= min(HEADER_LIMIT, size - 8):
            raise ModelDamaged(f"{file.name} is no safetensors file.", hint="download it again")
        text = stream.read(length)
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        entries = [_entry(file, name, said, 8 + length) for name, said in header.items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelDamaged(
            f"The header of {file.name} cannot be read.", hint="download it again"
        ) from error
    end = max((entry.end for entry in entries), default=8 + length)
    if end > size:
        raise ModelDamaged(
            f"{file.name} is cut short: {size} of {end} bytes are there.", hint="download it again"
        )
    return entries


def _entry(file: Path, name: str, said: Mapping[str, object], data: int) -> TensorEntry:
    dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
    if not isinstance(shape, list) or not isinstance(offsets, list) or dtype not in DTYPES:
        raise ValueError(name)
    start, end = (data + int(offset) for offset in offsets)
    entry = TensorEntry(file, name, str(dtype), tuple(int(n) for n in shape), start, end)
    if entry.values * np.dtype(DTYPES[entry.dtype]).itemsize != end - start:
        raise ValueError(name)
    return entry


def write(file: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write ``tensors`` in their own types."""
    names = {np.dtype(dtype): name for name, dtype in DTYPES.items() if name != "BF16"}
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, tensor in tensors.items():
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + tensor.nbytes],
        }
        at += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the data begin at a multiple of eight
    with file.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little"))
        stream.write(text)
        stream.writelines(_bytes(tensors.values()))


def _bytes(tensors: Iterable[Tensor]) -> Iterator[bytes]:
    return (np.ascontiguousarray(tensor).tobytes() for tensor in tensors)
