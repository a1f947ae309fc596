"""Writing an ONNX graph down, op by op, without a framework to trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.generic]
Shape = Sequence[int | str]

OPSET = 17
"""The first with LayerNormalization; runtimes on phones that lag behind know it."""

IR_VERSION = 8
"""The file format that came with opset 17."""

EXTERNAL_BYTES = 1_800_000_000
"""A protobuf holds 2 GiB at most; larger weights go into a file beside it."""


class Graph:
    """A graph being written. Values are known by their names."""

    def __init__(self, name: str) -> None:
        """Begin an empty graph."""
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        self._bytes = 0
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: Shape, dtype: int = TensorProto.FLOAT) -> str:
        """Declare an input; a string in ``shape`` names a dynamic dimension."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, value: str, name: str, shape: Shape) -> None:
        """Give ``value`` out under ``name``, as float32."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=f"give_{name}"))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def weight(self, name: str, values: Array) -> str:
        """Add a constant; floats are kept as float32. The same name twice is the same constant."""
        if name not in self._weights:
            if np.issubdtype(values.dtype, np.floating):
                values = values.astype(np.float32)
            self._weights[name] = numpy_helper.from_array(np.asarray(values, order="C"), name)
            self._bytes += values.nbytes
        return name

    def ints(self, *values: int) -> str:
        """Add (or find) a constant vector of integers."""
        return self.weight("ints_" + "_".join(map(str, values)), np.array(values, np.int64))

    def number(self, value: float) -> str:
        """Add (or find) a constant scalar."""
        return self.weight(f"number_{value}", np.array(value, np.float32))

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Add a node and return the name of its (first) output."""
        name = f"{kind}_{len(self._nodes)}"
        made = [name] if outputs == 1 else [f"{name}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(kind, inputs, made, name=name, **attributes))
        return made[0]

    def linear(self, x: str, name: str, matrix: Array, bias: Array | None = None) -> str:
        """Return ``x @ matrix.T + bias``: ``matrix`` as torch keeps it, outputs by inputs."""
        y = self.op("MatMul", x, self.weight(f"{name}.weight", matrix.T))
        return y if bias is None else self.op("Add", y, self.weight(f"{name}.bias", bias))

    def layer_norm(self, x: str, name: str, scale: Array, bias: Array, epsilon: float) -> str:
        """Return ``x`` normalized over its last axis."""
        scale_name = self.weight(f"{name}.weight", scale)
        bias_name = self.weight(f"{name}.bias", bias)
        return self.op("LayerNormalization", x, scale_name, bias_name, axis=-1, epsilon=epsilon)

    def gelu(self, x: str) -> str:
        """Return the exact GELU, in the five nodes that ONNX Runtime fuses into one."""
        inner = self.op("Erf", self.op("Div", x, self.number(2**0.5)))
        scaled = self.op("Mul", x, self.op("Add", inner, self.number(1.0)))
        return self.op("Mul", scaled, self.number(0.5))

    def slice(self, x: str, start: str, end: str, axis: int) -> str:
        """Return ``x[start:end]`` along ``axis``; both bounds are vectors of one integer."""
        return self.op("Slice", x, start, end, self.ints(axis))

    def reshape(self, x: str, *shape: int) -> str:
        """Return ``x`` in another shape; 0 keeps a dimension, -1 takes what is left."""
        return self.op("Reshape", x, self.ints(*shape))

    def transpose(self, x: str, *axes: int) -> str:
        """Return ``x`` with its axes in another order."""
        return self.op("Transpose", x, perm=list(axes))

    def save(self, file: Path, metadata: Mapping[str, object]) -> None:
        """Write the graph to ``file``, large weights to ``file`` + ".weights"."""
        graph = helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, [*self._weights.values()]
        )
        model = helper.make_model(
            graph,
            producer_name="edgevoice",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
        external = self._bytes > EXTERNAL_BYTES
        if not external:
            onnx.checker.check_model(model, full_check=True)
        onnx.save(model, file, save_as_external_data=external, location=f"{file.name}.weights")
