"""The importance matrix of a language model: how much flows into each column of its weights.

While the model reads a text, the mean square of what each weight matrix is multiplied with is
kept, column by column. Where much flows in, an error of the weight costs much, and llama.cpp's
quantization, given these numbers, puts its precision there.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile

import llama_cpp as lib
import numpy as np
from llama_cpp._ggml import libggml
from numpy.typing import NDArray

from edgevoice.errors import BackendFailed, ModelError
from edgevoice_quantize.gguf_scores import GgufScorer
from edgevoice_quantize.llm_texts import lay_out

Importance = Mapping[str, NDArray[np.float32]]
"""By name of the tensor: one number for each column of the weight."""

MIN_TOKENS = 1000
"""Fewer leave the columns' means to chance: with more than 500 columns there would be about one
token for each."""

_F32 = 0
_MULTIPLICATION = b"MUL_MAT"


class _Tensor(ctypes.Structure):
    """``struct ggml_tensor`` of ggml.h, as the pinned llama-cpp-python brings it."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("ne", ctypes.c_int64 * 4),
        ("nb", ctypes.c_size_t * 4),
        ("op", ctypes.c_int),
        ("op_params", ctypes.c_int32 * 16),
        ("flags", ctypes.c_int32),
        ("src", ctypes.c_void_p * 10),
        ("view_src", ctypes.c_void_p),
        ("view_offs", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("name", ctypes.c_char * 64),
        ("extra", ctypes.c_void_p),
        ("padding", ctypes.c_char * 8),
    )


_OBJECT_BYTES = 32
"""``struct ggml_object``, which ``ggml_tensor_overhead`` counts with the tensor."""


def gather(
    model: Path, texts: Sequence[str], *, threads: int = 1
) -> dict[str, NDArray[np.float32]]:
    """Return the importance of each weight's columns while ``model`` reads ``texts``.

    Raises:
        ModelError: the texts are too short.
        BackendFailed: llama.cpp is of another version than this was written for.

    """
    _check_layout()
    sums = _Sums()
    scorer = GgufScorer(model, threads=threads, watch=sums)
    readings = [lay_out(text, scorer) for text in texts]
    if (count := sum(len(reading.tokens) for reading in readings)) < MIN_TOKENS:
        raise ModelError(
            f"The calibration text has {count} tokens; {MIN_TOKENS} are the least.",
            hint="--data with more text",
        )
    for reading in readings:
        for _ in scorer.scores(reading.tokens):
            pass
    return sums.means()


def save(importance: Importance, path: Path) -> None:
    """Write ``importance`` to ``path``, an archive of arrays."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **importance)


def load(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read what ``save`` wrote.

    Raises:
        ModelError: the file is damaged or absent.

    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: np.asarray(archive[name], np.float32) for name in archive.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise ModelError(f"{path} is no importance matrix: {error}.") from error


def as_native(importance: Importance) -> ctypes.Array[lib.llama_model_imatrix_data]:
    """Return ``importance`` for ``llama_model_quantize_params.imatrix``, ended by an empty item."""
    items = (lib.llama_model_imatrix_data * (len(importance) + 1))()
    for item, (name, values) in zip(items, importance.items(), strict=False):
        numbers = (ctypes.c_float * len(values))(*values.tolist())
        item.name, item.size = name.encode(), len(values)
        item.data = ctypes.cast(numbers, ctypes.POINTER(ctypes.c_float))
    return items


class _Sums:
    """Fulfils ``Watch``: adds up the squares of what flows into each weight."""

    def __init__(self) -> None:
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._rows: dict[str, int] = {}

    def __call__(self, address: int, asked: bool) -> bool:
        node = _Tensor.from_address(address)
        if libggml.ggml_op_name(node.op) != _MULTIPLICATION:
            return not asked
        weight = _Tensor.from_address(node.src[0])
        flows_in = _Tensor.from_address(node.src[1])
        name = weight.name.decode()
        wanted = name.endswith(".weight") and flows_in.type == _F32
        if asked or not wanted:
            return wanted or not asked
        columns, *others = flows_in.ne
        values = np.ctypeslib.as_array(
            ctypes.cast(flows_in.data, ctypes.POINTER(ctypes.c_float)),
            shape=(int(np.prod(others)), columns),
        ).astype(np.float64)
        self._sums[name] = self._sums.get(name, 0.0) + np.einsum("rc,rc->c", values, values)
        self._rows[name] = self._rows.get(name, 0) + len(values)
        return True

    def means(self) -> dict[str, NDArray[np.float32]]:
        """Return the mean squares.

        Raises:
            BackendFailed: some are no numbers, or there are none.

        """
        found = {n: (s / self._rows[n]).astype(np.float32) for n, s in self._sums.items()}
        if not found or not all(np.isfinite(values).all() for values in found.values()):
            raise BackendFailed("What flows through the model could not be read.")
        return found


def _check_layout() -> None:
    libggml.ggml_op_name.restype = ctypes.c_char_p
    libggml.ggml_op_name.argtypes = [ctypes.c_int]
    libggml.ggml_tensor_overhead.restype = ctypes.c_size_t
    if libggml.ggml_tensor_overhead() != ctypes.sizeof(_Tensor) + _OBJECT_BYTES:
        raise BackendFailed("This llama.cpp lays its tensors out in another way.")
