"""Matrices in 4 bits, by blocks: ONNX Runtime's ``MatMulNBits``, which multiplies with them as is.

Rounded to nearest, or by HQQ. A table that tokens are read from becomes ``GatherBlockQuantized``;
one that also scores them is stored once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from edgevoice.errors import Misused, ModelError
from edgevoice_quantize import int4
from edgevoice_quantize.held_out import Calibration
from edgevoice_quantize.int4 import Int4
from edgevoice_quantize.onnx_edit import Edit, constant, drop
from edgevoice_quantize.onnx_weights import Kind, Matrix, Use, chosen, load, matrices, save
from edgevoice_quantize.techniques import Options

OPTIONS: Options = {
    "method": "rtn",
    "block": 32,
    "symmetric": False,
    "whole_zeros": True,
    "accuracy": 4,
    "include": ["*"],
    "exclude": [],
    "tables": True,
    "least": 4096,
}
"""``method``: "rtn", round to nearest, or "hqq". ``block``: inputs that share a scale, a power of
2 from 16 on. ``symmetric``: no zero points; for rtn. ``whole_zeros``: HQQ's zero points rounded,
for which there are faster kernels. ``accuracy``: 4 lets inputs be rounded to int8, 1 keeps them in
float32. ``include``, ``exclude``, ``tables``: as for onnx_int8_dynamic. ``least``: numbers of a
matrix that is worth it."""

VERSION = 1
MEMORY = 3.0

DOMAIN = "com.microsoft"


def apply(
    source_file: Path,
    target_file: Path,
    options: Options,
    calibration: Calibration,  # noqa: ARG001 - weights alone are looked at
) -> None:
    """Write ``target_file`` with the matrices of ``source_file`` in 4 bits.

    Raises:
        Misused: an option has a value that it cannot have.
        ModelError: it is no ONNX model, or has no matrix that is to be quantized.

    """
    rounding, block = _rounding(options), _block(options)
    model = load(source_file)
    wanted = chosen(matrices(model), options["include"], options["exclude"], options["least"])
    if not options["tables"]:
        wanted = [m for m in wanted if any(use.kind is not Kind.ROWS for use in m.uses)]
    if not wanted:
        raise ModelError(f"{source_file.name} has no matrix that is to be quantized.")
    del model.graph.value_info[:]  # of values that are no longer there
    edits: dict[int, Edit] = {}
    for matrix in wanted:
        packed = int4.quantize(np.ascontiguousarray(matrix.values().T), rounding, block)
        read = any(use.kind is Kind.ROWS for use in matrix.uses)
        if read and packed.zeros is not None and packed.zeros.dtype == np.float32:
            raise Misused("A table cannot have zero points of float32.", hint="whole_zeros = true")
        names = _constants(matrix, packed)
        for use in matrix.uses:
            edit = edits.setdefault(id(use.graph), Edit(use.graph))
            if use.kind is Kind.ROWS:
                _rows(edit, use, matrix, packed, names)
            else:
                _product(edit, use, packed, names, options["accuracy"])
    for edit in edits.values():
        edit.apply()
    for matrix in wanted:
        drop(matrix)
    if all(opset.domain != DOMAIN for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    save(model, target_file)


def _rounding(options: Options) -> int4.Rounding:
    method = options["method"]
    if method not in {"rtn", "hqq"} or (method == "hqq" and options["symmetric"]):
        raise Misused(f"There is no method {method!r} with symmetric = {options['symmetric']}.")
    if method == "rtn":
        return int4.symmetric if options["symmetric"] else int4.asymmetric
    return int4.whole_zeros(int4.hqq) if options["whole_zeros"] else int4.hqq


def _block(options: Options) -> int:
    block: int = options["block"]
    if block < 16 or block & (block - 1):
        raise Misused(f"A block of {block} inputs cannot be.", hint="block = 32, 64 or 128")
    return block


def _constants(matrix: Matrix, packed: Int4) -> list[str]:
    """Store the parts of ``packed``, and return their names: codes, scales, zero points."""
    parts: dict[str, NDArray[Any] | None] = {
        "codes": packed.codes,
        "scales": packed.scales,
        "zeros": packed.zeros,
    }
    return [
        constant(matrix.owner, f"{matrix.name}_int4_{part}", values)
        for part, values in parts.items()
        if values is not None
    ]


def _product(edit: Edit, use: Use, packed: Int4, names: list[str], accuracy: int) -> None:
    node = use.node
    bias = node.input[2] if node.op_type == "Gemm" and len(node.input) > 2 else ""
    settings: dict[str, Any] = {
        "K": packed.inputs,
        "N": packed.outputs,
        "bits": 4,
        "block_size": packed.block,
        "accuracy_level": accuracy,
        "domain": DOMAIN,
    }
    output = "" if bias else node.output[0]
    product = edit.op(node, "MatMulNBits", node.input[0], *names, output=output, **settings)
    if bias:
        edit.op(node, "Add", product, bias, output=node.output[0])
    edit.replace(node)


def _rows(edit: Edit, use: Use, matrix: Matrix, packed: Int4, names: list[str]) -> None:
    node, graph = use.node, edit.graph
    if packed.inputs % packed.block:
        raise ModelError(
            f"The table {matrix.name} has rows of {packed.inputs}, no multiple of {packed.block}.",
            hint="a smaller block, or tables = false",
        )
    # The same bytes, a row's blocks after each other.
    shape = constant(graph, f"{matrix.name}_int4_shape", np.array([packed.outputs, -1]))
    flat = edit.op(node, "Reshape", names[0], shape)
    edit.op(
        *(node, "GatherBlockQuantized", flat, node.input[1], *names[1:]),
        output=node.output[0],
        domain=DOMAIN,
        bits=4,
        block_size=packed.block,
        gather_axis=0,
        quantize_axis=1,
    )
    edit.replace(node)
