"""Weights of convolutions in int8, one scale to an output; what computes stays float32.

ONNX Runtime keeps them so in memory and turns each into floats when it is needed, unless
``session.disable_quant_qdq`` is set: then they are floats again once the model is loaded.
"""

from __future__ import annotations

from pathlib import Path

from onnx import helper

from edgevoice.errors import Misused, ModelError
from edgevoice_quantize.held_out import Calibration
from edgevoice_quantize.onnx_weights import load, save
from edgevoice_quantize.stored_weights import store_int4, store_int8, weights
from edgevoice_quantize.techniques import Options

OPTIONS: Options = {
    "op_types": ["Conv", "ConvTranspose"],
    "include": ["*"],
    "exclude": [],
    "bits": 8,
    "block": 32,
}
"""``op_types``: also MatMul, Gemm and Gather. ``include``, ``exclude``: patterns of the names of
weights or of the nodes that use them. ``bits``: 8, or 4 with a scale for each ``block`` of
numbers."""

VERSION = 1
MEMORY = 3.0

LEAST = 1024
"""Numbers. A smaller weight saves nothing."""

PER_CHANNEL_OPSET = 13
"""The first whose DequantizeLinear has a scale for each output."""

INT4_IR = 10
"""The file format that came with 4-bit numbers."""


def apply(
    source_file: Path,
    target_file: Path,
    options: Options,
    calibration: Calibration,  # noqa: ARG001 - weights alone are looked at
) -> None:
    """Write ``target_file`` with weights of ``source_file`` in few bits.

    Raises:
        Misused: there is no such number of bits.
        ModelError: it is no ONNX model, or has no weight that is to be stored so.

    """
    bits, block = options["bits"], options["block"]
    if bits not in {4, 8} or block < 1:
        raise Misused(f"Weights of {bits} bits in blocks of {block} cannot be.", hint="bits = 8")
    model = load(source_file)
    opset = next((o.version for o in model.opset_import if o.domain in {"", "ai.onnx"}), 0)
    if opset < PER_CHANNEL_OPSET:
        raise ModelError(
            f"{source_file.name} is of opset {opset}; int8 weights need {PER_CHANNEL_OPSET}.",
            hint="an export of the voice to a later opset",
        )
    wanted = [
        weight
        for weight in weights(model, options["op_types"], LEAST)
        if weight.matches(options["include"]) and not weight.matches(options["exclude"])
    ]
    if not wanted:
        raise ModelError(f"{source_file.name} has no weight that is to be quantized.")
    for weight in wanted:
        if bits == 8:
            store_int8(model.graph, weight)
        else:
            store_int4(model.graph, weight, block)
    if bits == 4:
        model.ir_version = max(model.ir_version, INT4_IR)
        if all(opset.domain != "com.microsoft" for opset in model.opset_import):
            model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    save(model, target_file)
