"""Weights in float16: half the file. What computes with them stays float32, or becomes float16.

ONNX Runtime has few float16 kernels for processors without float16 arithmetic: there it turns
everything back as it loads, so that only disk is saved. Hence the default.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from edgevoice.errors import ModelError
from edgevoice_quantize.audit import graphs
from edgevoice_quantize.held_out import Calibration
from edgevoice_quantize.onnx_weights import load, save
from edgevoice_quantize.techniques import Options

OPTIONS: Options = {"compute": False}
"""``compute``: in float16 too, for processors that can; inputs and outputs stay float32."""

VERSION = 1
MEMORY = 3.0

LEAST = 1024
"""Numbers. A smaller constant saves nothing."""

LARGEST = float(np.finfo(np.float16).max)


def apply(
    source_file: Path,
    target_file: Path,
    options: Options,
    calibration: Calibration,  # noqa: ARG001 - nothing is rounded by ranges
) -> None:
    """Write ``target_file`` with the weights of ``source_file`` in float16.

    Raises:
        ModelError: it is no ONNX model, or a weight is too large for float16.

    """
    model = load(source_file)
    if options["compute"]:
        from onnxruntime.transformers.float16 import convert_float_to_float16

        model = convert_float_to_float16(model, keep_io_types=True)
    else:
        for graph in list(graphs(model.graph)):
            _store_halves(graph, source_file.name)
    save(model, target_file)


def _store_halves(graph: Any, file: str) -> None:
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < LEAST:
            continue
        if np.abs(values).max() > LARGEST:
            raise ModelError(f"{file}: {tensor.name} holds numbers too large for float16.")
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_float16"))
        casts.append(
            helper.make_node(
                "Cast", [tensor.name], [name], name=f"{name}_cast", to=TensorProto.FLOAT
            )
        )
    nodes = [*casts, *graph.node]
    kept = [_copy(node) for node in nodes]
    del graph.node[:]
    graph.node.extend(kept)


def _copy(node: Any) -> Any:
    copied = type(node)()
    copied.CopyFrom(node)
    return copied
