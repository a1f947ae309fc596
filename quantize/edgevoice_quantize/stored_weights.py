"""Weights that a graph stores in few bits and turns into floats where they are used.

Unlike ``onnx_weights.Matrix`` these may have any number of dimensions, and nothing is multiplied
in integers: only the file and the memory become smaller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]

SHRINKS = np.linspace(0.7, 1.05, 15)
"""Scales of 4 bits that are tried, as shares of the one that cuts nothing off: a few numbers cut
off may cost less than all being coarser."""

FEWEST = 8
"""Numbers to a scale; with fewer, the scales outweigh what they are for."""


@dataclass(slots=True)
class Weight:
    """A constant of float32. ``axis`` numbers the outputs; ``nodes`` use it."""

    name: str
    tensor: Any
    axis: int
    nodes: list[str] = field(default_factory=list)

    @property
    def numbers(self) -> int:
        """How many numbers it has."""
        return math.prod(self.tensor.dims)

    def values(self) -> Floats:
        """Return it as it is."""
        found: Floats = numpy_helper.to_array(self.tensor)
        return found

    def matches(self, patterns: Sequence[str]) -> bool:
        """Whether its name, or that of a node that uses it, matches one, as in a shell."""
        names = [self.name, *self.nodes]
        return any(fnmatch(name, pattern) for name in names for pattern in patterns)


def weights(model: Any, kinds: Sequence[str], least: int) -> list[Weight]:
    """Return the weights of ``least`` numbers or more that nodes of ``kinds`` use."""
    tensors = {
        tensor.name: tensor
        for tensor in model.graph.initializer
        if tensor.data_type == TensorProto.FLOAT and math.prod(tensor.dims) >= least
    }
    found: dict[str, Weight] = {}
    for node in model.graph.node:
        place = 0 if node.op_type == "Gather" else 1
        name = node.input[place] if node.op_type in kinds and len(node.input) > place else ""
        if name in tensors and len(tensors[name].dims) > 1:
            tensor = tensors[name]
            weight = found.setdefault(name, Weight(name, tensor, _axis(node, tensor)))
            weight.nodes.append(node.name)
    return list(found.values())


def store_int8(graph: Any, weight: Weight) -> None:
    """Store ``weight`` in 8 bits with a scale for each output."""
    numbers, scale = rounded_int8(weight.values(), weight.axis)
    names = [f"{weight.name}_int8", f"{weight.name}_scale"]
    _replace(graph, weight, [(names[0], numbers), (names[1], scale)])
    _first(
        graph,
        helper.make_node(
            *("DequantizeLinear", names, [weight.name]),
            name=f"{weight.name}/DequantizeLinear",
            axis=weight.axis,
        ),
    )


def store_int4(graph: Any, weight: Weight, block: int) -> bool:
    """Store ``weight`` in 4 bits with a scale for each ``block`` of numbers of one output.

    Returns False, and does nothing, where its rows cannot be parted into blocks.
    """
    block = math.gcd(weight.numbers // weight.tensor.dims[weight.axis], block)
    if block < FEWEST or block % 2:
        return False
    numbers, scale = rounded_int4(weight.values(), weight.axis, block)
    halves = (numbers.reshape(-1) & 15).astype(np.uint8)
    packed = TensorProto(
        name=f"{weight.name}_int4",
        data_type=TensorProto.INT4,
        dims=numbers.shape,
        raw_data=(halves[::2] | halves[1::2] << 4).tobytes(),
    )
    moved = np.moveaxis(weight.values(), weight.axis, 0).shape
    names = [packed.name, f"{weight.name}_scale"]
    shape = f"{weight.name}_shape"
    _replace(graph, weight, [(names[1], scale), (shape, np.array(moved, np.int64))])
    graph.initializer.append(packed)
    blocks, rows = f"{weight.name}_blocks", f"{weight.name}_rows"
    # The standard's own DequantizeLinear takes 4 bits only in models of opset 21 and later.
    nodes = [
        helper.make_node(
            *("DequantizeLinear", names, [blocks]),
            name=f"{weight.name}/DequantizeLinear",
            domain="com.microsoft",
            axis=0,
        ),
        helper.make_node(
            *("Reshape", [blocks, shape], [rows if weight.axis else weight.name]),
            name=f"{weight.name}/Reshape",
        ),
    ]
    if weight.axis:
        back = [*range(1, weight.axis + 1), 0, *range(weight.axis + 1, len(moved))]
        nodes.append(
            helper.make_node(
                "Transpose", [rows], [weight.name], name=f"{weight.name}/Transpose", perm=back
            )
        )
    _first(graph, *nodes)
    return True


def rounded_int8(values: Floats, axis: int) -> tuple[NDArray[np.int8], Floats]:
    """Return ``values`` as integers, and the scale of each index of ``axis``."""
    others = tuple(index for index in range(values.ndim) if index != axis)
    largest = np.abs(values).max(axis=others, keepdims=True)
    scale = np.maximum(largest / 127, np.finfo(np.float32).tiny).astype(np.float32)
    numbers = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
    return numbers, scale.reshape(-1)


def rounded_int4(values: Floats, axis: int, block: int) -> tuple[NDArray[np.int8], Floats]:
    """Return ``values``, ``axis`` first and in rows of ``block``, as integers and their scales.

    Integers go from -8 to 7, so the number that is furthest from zero becomes -8. Of
    ``SHRINKS``, each block gets the scale that is nearest to its numbers in the square mean.
    """
    rows = np.moveaxis(values, axis, 0).reshape(-1, block)
    furthest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    full = np.where(furthest == 0, np.float32(1), furthest / np.float32(-8))
    best = np.full(len(rows), np.inf)
    scales = full.copy()
    for shrink in SHRINKS.astype(np.float32):
        off = ((_whole(rows, full * shrink) * full * shrink - rows) ** 2).sum(axis=1)
        scales[off < best] = (full * shrink)[off < best]
        best = np.minimum(best, off)
    return _whole(rows, scales).astype(np.int8), scales.astype(np.float32).reshape(-1)


def restored(values: Floats, axis: int, bits: int, block: int) -> Floats:
    """Return ``values`` as they come back from 8 or 4 ``bits``."""
    if bits == 8:
        numbers, scale = rounded_int8(values, axis)
        ends = [-1 if index == axis else 1 for index in range(values.ndim)]
        back: Floats = numbers * scale.reshape(ends)
        return back
    moved = np.moveaxis(values, axis, 0)
    block = math.gcd(moved[0].size, block)
    numbers, scale = rounded_int4(values, axis, block)
    return np.moveaxis((numbers * scale[:, None]).reshape(moved.shape), 0, axis)


def _whole(rows: Floats, scales: Floats) -> Floats:
    found: Floats = np.clip(np.rint(rows / scales), -8, 7)
    return found


def _axis(node: Any, tensor: Any) -> int:
    """Return the axis of ``tensor`` that numbers the outputs of ``node``."""
    if node.op_type == "ConvTranspose":
        return 1
    if node.op_type == "MatMul":
        return len(tensor.dims) - 1
    if node.op_type == "Gemm":
        return 0 if any(a.name == "transB" and a.i for a in node.attribute) else 1
    return 0


def _replace(graph: Any, weight: Weight, parts: Sequence[tuple[str, NDArray[Any]]]) -> None:
    index = [tensor.name for tensor in graph.initializer].index(weight.name)
    del graph.initializer[index]
    graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(values), name) for name, values in parts
    )


def _first(graph: Any, *nodes: Any) -> None:
    """Put ``nodes`` before all others."""
    for index, node in enumerate(nodes):
        graph.node.insert(index, node)
