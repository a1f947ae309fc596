"""Reads the header of a GGUF file: all that one must know of a model before loading it.

The format is specified in ggml's ``docs/gguf.md``: magic, version, two counts, then key-value
pairs and tensor descriptions, and the tensors' bytes, aligned. Every length is checked against
the bytes that are there, so that a damaged file costs neither memory nor time.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Final

from edgevoice.errors import ModelDamaged

Value = int | float | bool | str | tuple[float, ...]

_SCALARS: Final = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
"""Value types of the specification by number."""

_STRING, _ARRAY = 8, 9
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")

_VERSIONS = (2, 3)
_MAX_DIMENSIONS = 4
_DEFAULT_ALIGNMENT = 32
_SMALLEST_PAIR = 13
"""Bytes of a key-value pair with an empty key and a one-byte value."""

_SMALLEST_TENSOR = 24
"""Bytes of a tensor description with an empty name and no dimension."""

_KEPT_ARRAY = 1024
"""Arrays of numbers up to this length are kept (one value per layer); of others, the length."""

# fmt: off
BLOCKS: Final = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176),
    14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98),
    19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1),
    25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18), 42: (64, 18),
}
# fmt: on
"""Elements and bytes of a block, by ggml's number of the tensor type."""


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor: ggml's number of its type, its size and place in the file, in bytes.

    The first of ``shape`` is the length of a row, as ggml counts.
    """

    kind: int
    shape: tuple[int, ...]
    size_bytes: int
    offset: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF file says of itself.

    ``metadata`` leaves long arrays out; ``lengths`` has the length of every array.
    """

    metadata: dict[str, Value]
    lengths: dict[str, int]
    tensors: dict[str, GgufTensor]

    @property
    def type_bytes(self) -> dict[int, int]:
        """Bytes of all tensors of a type, by ggml's number of the type."""
        found: dict[int, int] = {}
        for tensor in self.tensors.values():
            found[tensor.kind] = found.get(tensor.kind, 0) + tensor.size_bytes
        return found

    @property
    def tensor_bytes(self) -> int:
        """Bytes of all weights."""
        return sum(tensor.size_bytes for tensor in self.tensors.values())

    @property
    def vocabulary(self) -> int:
        """Number of tokens that the tokenizer knows."""
        return self.lengths.get("tokenizer.ggml.tokens", 0)

    def size(self, key: str, default: int = 0) -> int:
        """Return the architecture's whole number called ``key``; of one per layer, the largest."""
        value = self.metadata.get(f"{self.metadata.get('general.architecture')}.{key}", default)
        if isinstance(value, tuple):
            value = max(value, default=default)
        return default if isinstance(value, str) else int(value)

    def kv_bytes_per_token(self, bytes_per_value: float) -> float:
        """Return what the attention cache takes for one token.

        Layers with a sliding window or with a recurrent state are counted like the others,
        so the figure may be too high, never too low.
        """
        arch, heads = self.metadata.get("general.architecture"), self.size("attention.head_count")
        width = self.size("embedding_length") // max(heads, 1)
        key = self.size("attention.key_length", width)
        value = self.size("attention.value_length", width)
        per_layer = self.metadata.get(f"{arch}.attention.head_count_kv", heads)
        if isinstance(per_layer, tuple):
            kv_heads = sum(per_layer)
        else:
            kv_heads = self.size("attention.head_count_kv", heads) * self.size("block_count")
        return kv_heads * (key + value) * bytes_per_value


def read_header(path: Path) -> GgufHeader:
    """Read the header of the GGUF file at ``path``.

    Raises:
        ModelDamaged: the file is no GGUF, is cut off, or contradicts itself.

    """
    size = path.stat().st_size
    if size == 0:
        raise ModelDamaged(f"{path.name} is empty.", hint="fetch the model again")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _Reader(data, size).header()
        except _Broken as broken:
            raise ModelDamaged(f"{path.name}: {broken}", hint="fetch the model again") from broken


class _Broken(Exception):
    """Says what is wrong with the bytes."""


class _Reader:
    """Walks once through the header from its first byte to its last."""

    def __init__(self, data: mmap.mmap, size: int) -> None:
        self._data = data
        self._size = size
        self._at = 0

    def header(self) -> GgufHeader:
        if self._bytes(4) != b"GGUF":
            raise _Broken("this is not a GGUF file.")
        version = self._number(_U32)
        if version not in _VERSIONS:
            raise _Broken(f"GGUF version {version} is not one of {_VERSIONS}.")
        tensors = self._count("tensors", _SMALLEST_TENSOR)
        pairs = self._count("settings", _SMALLEST_PAIR)
        metadata: dict[str, Value] = {}
        lengths: dict[str, int] = {}
        for _ in range(pairs):
            key = self._string()
            value = self._value(self._number(_U32), key, lengths)
            if value is not None:
                metadata[key] = value
        return GgufHeader(metadata, lengths, self._tensors(tensors, metadata))

    def _tensors(self, count: int, metadata: dict[str, Value]) -> dict[str, GgufTensor]:
        found = {}
        end = 0
        for _ in range(count):
            name = self._string()
            dimensions = self._number(_U32)
            if dimensions > _MAX_DIMENSIONS:
                raise _Broken(f"tensor {name[:60]!r} has {dimensions} dimensions.")
            shape = tuple(self._number(_U64) for _ in range(dimensions))
            kind = self._number(_U32)
            if kind not in BLOCKS:
                raise _Broken(f"tensor {name[:60]!r} is of the unknown type {kind}.")
            elements, block_bytes = BLOCKS[kind]
            tensor = GgufTensor(
                kind, shape, prod(shape) * block_bytes // elements, self._number(_U64)
            )
            end = max(end, tensor.offset + tensor.size_bytes)
            found[name] = tensor
        alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or alignment <= 0:
            raise _Broken(f"the alignment is {alignment!r}.")
        start = -(-self._at // alignment) * alignment
        if count and start + end > self._size:
            raise _Broken(
                f"it is cut off: {self._size} bytes are there, {start + end} are promised."
            )
        return {name: replace(t, offset=start + t.offset) for name, t in found.items()}

    def _value(self, kind: int, key: str, lengths: dict[str, int]) -> Value | None:
        if kind in _SCALARS:
            scalar: Value = _SCALARS[kind].unpack(self._bytes(_SCALARS[kind].size))[0]
            return scalar
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            raise _Broken(f"the setting {key[:60]!r} is of the unknown type {kind}.")
        element, length = self._number(_U32), self._number(_U64)
        lengths[key] = length
        if element == _STRING:
            self._skip_strings(length)
            return None
        if element not in _SCALARS:
            raise _Broken(f"the setting {key[:60]!r} is an array of the unknown type {element}.")
        raw = self._bytes(length * _SCALARS[element].size)
        if length > _KEPT_ARRAY:
            return None
        return tuple(value for (value,) in _SCALARS[element].iter_unpack(raw))

    def _skip_strings(self, count: int) -> None:
        # Vocabularies have hundreds of thousands: this loop is most of the reader's time.
        data, at, last = self._data, self._at, self._size - _U64.size
        unpack = _U64.unpack_from
        for _ in range(count):
            if at > last:
                raise _Broken(f"it is cut off at byte {self._size}, inside its header.")
            at += _U64.size + unpack(data, at)[0]
        self._at = at
        self._bytes(0)

    def _count(self, what: str, smallest: int) -> int:
        count = self._number(_U64)
        if count * smallest > self._size:
            raise _Broken(f"it promises {count} {what} in {self._size} bytes.")
        return count

    def _string(self) -> str:
        return self._bytes(self._number(_U64)).decode("utf-8", errors="replace")

    def _number(self, layout: struct.Struct) -> int:
        number: int = layout.unpack(self._bytes(layout.size))[0]
        return number

    def _bytes(self, count: int) -> bytes:
        end = self._at + count
        if end > self._size:
            raise _Broken(f"it is cut off at byte {self._size}, inside its header.")
        taken = self._data[self._at : end]
        self._at = end
        return taken
