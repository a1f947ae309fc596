"""Convolutions over time written as convolutions over pictures of height one. Nothing is rounded.

ONNX Runtime's blocked kernels, which keep 8 or 16 channels beside one another, are for two
dimensions only; a voice that has one falls to a slower way.
"""

from __future__ import annotations

import math
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from edgevoice.errors import ModelError
from edgevoice_quantize.held_out import Calibration
from edgevoice_quantize.onnx_weights import load, save
from edgevoice_quantize.techniques import Options

OPTIONS: Options = {"include": ["*"], "exclude": []}
"""Patterns of the names of Conv and ConvTranspose nodes. Worth it for those with many samples."""

VERSION = 1
MEMORY = 3.0

BETWEEN = {"LeakyRelu", "Relu", "Tanh", "Sigmoid", "Add", "Sub", "Mul", "Div"}
"""Nodes that do to each number alone what they do; they stay between two that are rewritten."""

HEIGHT = "conv_2d_height"
"""The constant that names the axis put in."""


def apply(
    source_file: Path,
    target_file: Path,
    options: Options,
    calibration: Calibration,  # noqa: ARG001 - nothing is rounded
) -> None:
    """Write ``target_file`` with the convolutions of ``source_file`` in two dimensions.

    Raises:
        ModelError: it is no ONNX model, or has no convolution that is to be rewritten.

    """
    model = load(source_file)
    lift = _Lift(model.graph)
    if not lift.run(options["include"], options["exclude"]):
        raise ModelError(f"{source_file.name} has no convolution that is to be rewritten.")
    del model.graph.value_info[:]  # of values that have another shape now
    save(model, target_file)


class _Lift:
    """Goes through a graph once. ``_lifted`` are values that also, or only, have a height."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._numbers = {name for name, t in self._tensors.items() if math.prod(t.dims) == 1}
        self._numbers |= {node.output[0] for node in graph.node if _is_number(node)}
        self._lifted: dict[str, str] = {}
        self._flat: set[str] = set()
        self._nodes: list[Any] = []

    def run(self, include: list[str], exclude: list[str]) -> int:
        """Rewrite the graph, and return how many convolutions were."""
        done = 0
        for node in self._graph.node:
            if self._convolves(node) and _matches(node, include) and not _matches(node, exclude):
                self._widen(node)
                self._move(node, 1)
                done += 1
            elif self._stays_between(node):
                self._move(node, len(node.input))
            else:
                for name in node.input:
                    self._lower(name)
                self._flat.update(node.output)
                self._nodes.append(node)
        for output in self._graph.output:
            self._lower(output.name)
        if done:
            kept = [_copy(node) for node in self._nodes]
            del self._graph.node[:]
            self._graph.node.extend(kept)
            self._graph.initializer.append(numpy_helper.from_array(np.array([2]), HEIGHT))
            self._drop_unused()
        return done

    def _drop_unused(self) -> None:
        """Take out weights that have only their wide copies left to use."""
        used = {name for node in self._graph.node for name in node.input}
        for index in reversed(range(len(self._graph.initializer))):
            name = self._graph.initializer[index].name
            if name not in used and f"{name}_2d" in self._tensors:
                del self._graph.initializer[index]

    def _convolves(self, node: Any) -> bool:
        """Whether it is a convolution in one dimension by a constant."""
        if node.op_type not in {"Conv", "ConvTranspose"}:
            return False
        tensor = self._tensors.get(node.input[1])
        automatic = any(a.name in {"auto_pad", "output_shape"} for a in node.attribute)
        return tensor is not None and len(tensor.dims) == 3 and not automatic

    def _stays_between(self, node: Any) -> bool:
        known = [name in self._lifted for name in node.input]
        return (
            node.op_type in BETWEEN
            and any(known)
            and all(
                known or name in self._numbers
                for known, name in zip(known, node.input, strict=True)
            )
        )

    def _widen(self, node: Any) -> None:
        """Give weight and settings of a convolution a height of one."""
        name = node.input[1]
        node.input[1] = f"{name}_2d"
        if node.input[1] not in self._tensors:
            values = numpy_helper.to_array(self._tensors[name])[:, :, None]
            tensor = numpy_helper.from_array(values, node.input[1])
            self._tensors[node.input[1]] = tensor
            self._graph.initializer.append(tensor)
        for setting in node.attribute:
            values = list(setting.ints)
            if setting.name in {"kernel_shape", "strides", "dilations"}:
                setting.ints[:] = [1, *values]
            elif setting.name == "pads":
                setting.ints[:] = [0, values[0], 0, values[1]]
            elif setting.name == "output_padding":
                setting.ints[:] = [0, *values]

    def _move(self, node: Any, inputs: int) -> None:
        """Let ``node`` read and write values with a height."""
        for index in range(inputs):
            if node.input[index] not in self._numbers:
                node.input[index] = self._lift(node.input[index])
        name = node.output[0]
        node.output[0] = self._lifted[name] = f"{name}_2d"
        self._nodes.append(node)

    def _lift(self, name: str) -> str:
        if name not in self._lifted:
            self._flat.add(name)
            self._lifted[name] = f"{name}_2d"
            self._add("Unsqueeze", name, f"{name}_2d")
        return self._lifted[name]

    def _lower(self, name: str) -> None:
        if name in self._lifted and name not in self._flat:
            self._flat.add(name)
            self._add("Squeeze", self._lifted[name], name)

    def _add(self, kind: str, given: str, made: str) -> None:
        self._nodes.append(helper.make_node(kind, [given, HEIGHT], [made], name=f"{made}/{kind}"))


def _is_number(node: Any) -> bool:
    return node.op_type == "Constant" and any(
        a.name == "value" and math.prod(a.t.dims) == 1 for a in node.attribute
    )


def _matches(node: Any, patterns: list[str]) -> bool:
    names = [node.name, node.input[1].removesuffix("_2d")]
    return any(fnmatch(name, pattern) for name in names for pattern in patterns)


def _copy(node: Any) -> Any:
    copied = type(node)()
    copied.CopyFrom(node)
    return copied
