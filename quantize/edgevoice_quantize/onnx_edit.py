"""Putting nodes where others stood, in a graph that keeps its order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgevoice_quantize.onnx_weights import Matrix


class Edit:
    """Collects what comes into one graph, and puts it there at the end.

    Nodes stand where they are first needed: the runtimes want each before its uses.
    """

    def __init__(self, graph: Any) -> None:
        """Take the graph, which is changed by ``apply`` only."""
        self.graph = graph
        self._before: dict[int, list[Any]] = {}
        self._gone: set[int] = set()
        self._made: dict[tuple[str, ...], str] = {}
        self._count = 0

    def replace(self, node: Any) -> None:
        """Take ``node`` out."""
        self._gone.add(id(node))

    def op(self, at: Any, kind: str, *inputs: str, output: str = "", **settings: Any) -> str:
        """Add a node where ``at`` stands, and return its output (the first of several)."""
        self._count += 1
        name = f"{at.name or at.output[0]}/{kind}_{self._count}"
        count = settings.pop("outputs", 1)
        domain = settings.pop("domain", "")
        outs = [output or name] if count == 1 else [f"{name}_{i}" for i in range(count)]
        node = helper.make_node(kind, inputs, outs, name=name, domain=domain, **settings)
        self._before.setdefault(id(at), []).append(node)
        return outs[0]

    def once(self, at: Any, kind: str, *inputs: str, **settings: Any) -> str:
        """Return the output of such a node; made where it is needed first."""
        key = (kind, *inputs)
        if key not in self._made:
            self._made[key] = self.op(at, kind, *inputs, **settings)
        return self._made[key]

    def apply(self) -> None:
        """Change the graph."""
        nodes = []
        for node in self.graph.node:
            nodes += self._before.get(id(node), [])
            if id(node) not in self._gone:
                nodes.append(node)
        kept = [_copy(node) for node in nodes]
        del self.graph.node[:]
        self.graph.node.extend(kept)


def constant(graph: Any, name: str, values: NDArray[Any]) -> str:
    """Add a constant to ``graph`` unless it has one of that name already; return the name."""
    if all(tensor.name != name for tensor in graph.initializer):
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    return name


def drop(matrix: Matrix) -> None:
    """Take a matrix that nothing uses any more out of its graph, and what turned it."""
    graph = matrix.owner
    index = [tensor.name for tensor in graph.initializer].index(matrix.name)
    del graph.initializer[index]
    for number in reversed(range(len(graph.node))):
        node = graph.node[number]
        if node.op_type == "Transpose" and node.input[0] == matrix.name:
            del graph.node[number]


def _copy(node: Any) -> Any:
    copied = type(node)()
    copied.CopyFrom(node)
    return copied
