"""What a tensor loses in each of ggml's types: ggml's own functions on a few of its rows."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path
from typing import Any

import numpy as np
from llama_cpp._ggml import libggml
from numpy.typing import NDArray

from edgevoice.backends.gguf_header import GgufTensor
from edgevoice.errors import ModelError
from edgevoice_quantize.gguf import NAMES, TYPES, size_bytes

Floats = NDArray[np.float32]

ROWS = 48
"""Rows of a tensor that are tried: their mean error is within some per cent of that of all."""

FLOATS: dict[str, type[np.floating[Any]]] = {"F16": np.float16, "F32": np.float32}

_FLOATS = ctypes.POINTER(ctypes.c_float)


class _Traits(ctypes.Structure):
    """``struct ggml_type_traits`` of ggml.h."""

    _fields_ = (
        ("type_name", ctypes.c_char_p),
        ("blck_size", ctypes.c_int64),
        ("blck_size_interleave", ctypes.c_int64),
        ("type_size", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", ctypes.CFUNCTYPE(None, ctypes.c_void_p, _FLOATS, ctypes.c_int64)),
        ("from_float_ref", ctypes.c_void_p),
    )


libggml.ggml_get_type_traits.restype = ctypes.POINTER(_Traits)
libggml.ggml_get_type_traits.argtypes = [ctypes.c_int]
libggml.ggml_quantize_chunk.restype = ctypes.c_size_t
libggml.ggml_quantize_chunk.argtypes = [
    *(ctypes.c_int, _FLOATS, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64),
    _FLOATS,
]


def some_rows(path: Path, tensor: GgufTensor) -> Floats:
    """Return rows of ``tensor``, evenly picked from the file at ``path``.

    Raises:
        ModelError: the tensor is quantized already.

    """
    kind = NAMES.get(tensor.kind, "")
    if kind not in FLOATS:
        raise ModelError(
            f"{path.name} is quantized already ({kind}).", hint="start from the f16 file"
        )
    width, count = tensor.shape[0], tensor.size_bytes // size_bytes(kind, tensor.shape[:1])
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        rows = np.frombuffer(data, FLOATS[kind], count * width, tensor.offset).reshape(count, width)
        picked = rows[:: -(-count // ROWS)].astype(np.float32)
        del rows  # the map cannot be closed while an array lies in it
    return picked


def error(rows: Floats, kind: str, importance: Floats | None) -> float:
    """Return the mean square of what the rows' products are off when they are in type ``kind``.

    ``importance`` is the mean square of what each column is multiplied with; None counts all
    alike, as ggml then does.
    """
    if kind in FLOATS:
        return 0.0
    count, width = rows.shape
    rows = np.ascontiguousarray(rows)
    packed = ctypes.create_string_buffer(size_bytes(kind, (width, count)))
    weights = None if importance is None else np.ascontiguousarray(importance, np.float32)
    given = None if weights is None else weights.ctypes.data_as(_FLOATS)
    libggml.ggml_quantize_chunk(
        TYPES[kind], rows.ctypes.data_as(_FLOATS), packed, 0, count, width, given
    )
    off = np.square(unpacked(packed.raw, kind, width) - rows)
    return float((off if weights is None else off * weights).sum(axis=1).mean())


def unpacked(data: bytes, kind: str, width: int) -> Floats:
    """Return ``data``, rows of ``width`` numbers in the type ``kind``, as float32."""
    if kind in FLOATS:
        return np.frombuffer(data, FLOATS[kind]).reshape(-1, width).astype(np.float32)
    rows = np.empty((len(data) // size_bytes(kind, (width,)), width), np.float32)
    to_float = libggml.ggml_get_type_traits(TYPES[kind]).contents.to_float
    to_float(data, rows.ctypes.data_as(_FLOATS), rows.size)
    return rows
