"""What a quantized ONNX file really holds: its kinds of nodes, and its bytes by type of number.

A technique may pass a node over in silence; this says so.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from edgevoice_quantize.onnx_weights import matrices

QUANTIZED = {
    *("MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv", "QGemm"),
    *("MatMulNBits", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"),
    *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"),
}
"""Kinds of nodes that work on, or make, numbers of less than 16 bits."""

WORK = {"MatMul", "Gemm", "Conv", "ConvTranspose", "LSTM", "GRU"}
"""Kinds of nodes that a technique would have replaced; with a weight they do most of the work."""

TOLD = 0.005
"""A smaller share of the bytes is not told in words."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Of one file. ``left`` are the weights that nodes of ``WORK`` still take as floats."""

    quantized: dict[str, int]
    left: dict[str, float]
    shares: dict[str, float]

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.quantized.items())
        large = [(kind, share) for kind, share in self.shares.items() if share >= TOLD]
        bytes_ = ", ".join(f"{share:.0%} {kind}" for kind, share in large)
        rest = f"; as floats remain {len(self.left)} weights of {sum(self.left.values()):.1f} MB"
        return f"{kinds or 'nothing quantized'}; bytes: {bytes_}{rest if self.left else ''}"


def audit(file: Path) -> Audit:
    """Return what is in the ONNX ``file``.

    ``left`` maps the names of weights to MB; ``shares`` the types to the share of all bytes.
    """
    model = onnx.load(file, load_external_data=False)
    kinds: Counter[str] = Counter()
    bytes_of: Counter[str] = Counter()
    left: dict[str, float] = {}
    for graph in graphs(model.graph):
        constants = {tensor.name: tensor for tensor in graph.initializer}
        for tensor in constants.values():
            bytes_of[_type(tensor)] += _bytes(tensor)
        for node in graph.node:
            kinds[node.op_type] += node.op_type in QUANTIZED
            if node.op_type in WORK:
                for name in node.input[1:2]:
                    if name in constants and _type(constants[name]).startswith("float"):
                        left[name] = _bytes(constants[name]) / 1e6
    for matrix in matrices(model):
        left.setdefault(matrix.name, _bytes(matrix.tensor) / 1e6)
    total = sum(bytes_of.values()) or 1
    return Audit(
        quantized={kind: count for kind, count in sorted(kinds.items()) if count},
        left=left,
        shares={kind: round(count / total, 4) for kind, count in bytes_of.most_common()},
    )


def graphs(graph: Any) -> Iterator[Any]:
    """Yield ``graph`` and those inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from graphs(attribute.g)


def _type(tensor: Any) -> str:
    return str(TensorProto.DataType.Name(tensor.data_type)).lower()


def _bytes(tensor: Any) -> int:
    item: int = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type)).itemsize
    count: int = math.prod(tensor.dims)
    return count * item
