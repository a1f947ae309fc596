"""Matrices in int8; what is multiplied with them is quantized as it comes.

Each becomes DynamicQuantizeLinear, MatMulInteger, Cast and Mul of the ONNX standard, in the order
that ONNX Runtime fuses into one kernel. A table that serves to read tokens in as well as to
score them stays one: its rows are taken from the same int8 numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from edgevoice.errors import ModelError
from edgevoice_quantize.held_out import Calibration
from edgevoice_quantize.onnx_edit import Edit, constant, drop
from edgevoice_quantize.onnx_weights import Floats, Kind, Matrix, Use, chosen, load, matrices, save
from edgevoice_quantize.techniques import Options

OPTIONS: Options = {
    "per_channel": True,
    "reduce_range": False,
    "include": ["*"],
    "exclude": [],
    "tables": True,
}
"""``per_channel``: a scale for each output; else one for the matrix, which drifts.
``reduce_range``: 7 bits, for x86 processors without VNNI, whose products of 8 bits overflow.
``include``, ``exclude``: patterns of the names of matrices or of the nodes that use them.
``tables``: tables that tokens are read from, too."""

VERSION = 1
MEMORY = 2.5

Ranges = Mapping[str, tuple[float, float]]
"""Name of a value -> the least (at most 0) and the largest (at least 0) that it takes."""

LEAST = 1024
"""Numbers. A smaller matrix saves nothing."""


def apply(
    source_file: Path,
    target_file: Path,
    options: Options,
    calibration: Calibration,  # noqa: ARG001 - the ranges are taken as they come
) -> None:
    """Write ``target_file`` with the matrices of ``source_file`` in int8.

    Raises:
        ModelError: it is no ONNX model, or has no matrix that is to be quantized.

    """
    model = load(source_file)
    wanted = chosen(matrices(model), options["include"], options["exclude"], LEAST)
    if not options["tables"]:
        wanted = [m for m in wanted if any(use.kind is not Kind.ROWS for use in m.uses)]
    if not wanted:
        raise ModelError(f"{source_file.name} has no matrix that is to be quantized.")
    quantize(
        model, wanted, per_channel=options["per_channel"], bits=7 + (not options["reduce_range"])
    )
    save(model, target_file)


def quantize(
    model: Any,
    wanted: list[Matrix],
    *,
    per_channel: bool = True,
    bits: int = 8,
    ranges: Ranges | None = None,
) -> None:
    """Put the ``wanted`` matrices of ``model`` into int8.

    What is multiplied with them is quantized by its ``ranges`` (by name) where it has one.
    """
    del model.graph.value_info[:]  # of values that are no longer there
    edits: dict[int, Edit] = {}
    for matrix in wanted:
        numbers, scale = rounded(matrix.values(), per_channel=per_channel, bits=bits)
        name = constant(matrix.owner, f"{matrix.name}_int8", numbers)
        scale_name = constant(matrix.owner, f"{matrix.name}_scale", scale)
        for use in matrix.uses:
            edit = edits.setdefault(id(use.graph), Edit(use.graph))
            if use.kind is Kind.ROWS:
                _rows(edit, use, name, scale_name, per_channel)
            else:
                _product(edit, use, name, scale_name, ranges or {})
    for edit in edits.values():
        edit.apply()
    for matrix in wanted:
        drop(matrix)


def rounded(values: Floats, *, per_channel: bool, bits: int) -> tuple[NDArray[np.int8], Floats]:
    """Return ``values`` (inputs by outputs) as integers, and the scale, of each output or of all.

    Symmetric: zero stays zero, and the kernels have less to add up.
    """
    most = 2 ** (bits - 1) - 1
    largest = np.abs(values).max(axis=0 if per_channel else None)
    scale = np.maximum(largest / most, np.finfo(np.float32).tiny).astype(np.float32)
    return np.clip(np.rint(values / scale), -most, most).astype(np.int8), scale


def _product(edit: Edit, use: Use, numbers: str, scale: str, ranges: Ranges) -> None:
    node = use.node
    small, x_scale, x_zero = _quantized(edit, node, node.input[0], ranges)
    summed = edit.op(node, "MatMulInteger", small, numbers, x_zero)
    floats = edit.op(node, "Cast", summed, to=TensorProto.FLOAT)
    both = edit.op(node, "Mul", x_scale, scale)
    bias = node.input[2] if node.op_type == "Gemm" and len(node.input) > 2 else ""
    product = edit.op(node, "Mul", floats, both, output="" if bias else node.output[0])
    if bias:
        edit.op(node, "Add", product, bias, output=node.output[0])
    edit.replace(node)


def _quantized(edit: Edit, node: Any, x: str, ranges: Ranges) -> tuple[str, str, str]:
    """Return ``x`` in uint8, its scale and its zero point; made once for all products of it."""
    if x not in ranges:
        small = edit.once(node, "DynamicQuantizeLinear", x, outputs=3)
        stem = small.removesuffix("_0")
        return small, f"{stem}_1", f"{stem}_2"
    least, largest = ranges[x]
    step = max(largest - least, 1e-6) / 255
    scale = constant(edit.graph, f"{x}_scale", np.array(step, np.float32))
    zero = constant(edit.graph, f"{x}_zero", np.array(round(-least / step), np.uint8))
    return edit.once(node, "QuantizeLinear", x, scale, zero), scale, zero


def _rows(edit: Edit, use: Use, numbers: str, scale: str, per_channel: bool) -> None:
    """Take columns of the turned table, so that the product's own numbers serve."""
    node, graph = use.node, edit.graph
    row = edit.op(node, "Reshape", node.input[1], constant(graph, "int8_minus_1", np.array([-1])))
    columns = edit.op(node, "Gather", numbers, row, axis=1)
    rows = edit.op(node, "Transpose", columns, perm=[1, 0])
    floats = edit.op(node, "Cast", rows, to=TensorProto.FLOAT)
    if per_channel:
        picked = edit.op(node, "Gather", scale, row, axis=0)
        scale = edit.op(node, "Unsqueeze", picked, constant(graph, "int8_1", np.array([1])))
    scaled = edit.op(node, "Mul", floats, scale)
    ends = edit.op(node, "Shape", node.input[1])
    width = constant(graph, "int8_minus_1", np.array([-1]))
    shape = edit.op(node, "Concat", ends, width, axis=0)
    edit.op(node, "Reshape", scaled, shape, output=node.output[0])
    edit.replace(node)
