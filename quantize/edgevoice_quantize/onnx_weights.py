"""The matrices of an ONNX model, and where each is used: what a technique rewrites.

A matrix counts when it is a constant of float32 with two dimensions and every use of it is one
of those below. ``If`` branches are looked into: a constant may stand outside the branch that
uses it. A constant that a ``Transpose`` turns before its use counts as used by what follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from edgevoice.errors import ModelDamaged, ModelError

Floats = NDArray[np.float32]


class Kind(Enum):
    """What a node does with a matrix."""

    TIMES = "x @ matrix"
    TIMES_TURNED = "x @ matrix.T"
    ROWS = "rows of the matrix"


@dataclass(frozen=True, slots=True)
class Use:
    """A node that uses a matrix, and the graph it stands in."""

    kind: Kind
    graph: Any
    node: Any


@dataclass(slots=True)
class Matrix:
    """A constant and its uses. ``owner`` is the graph that holds it."""

    name: str
    owner: Any
    tensor: Any
    uses: list[Use] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as the file has them."""
        rows, columns = self.tensor.dims
        return rows, columns

    @property
    def turned(self) -> bool:
        """Whether it is multiplied the other way round: its rows are the outputs."""
        return any(use.kind is not Kind.TIMES for use in self.uses)

    def values(self) -> Floats:
        """Return it as it is multiplied: inputs by outputs."""
        found: Floats = numpy_helper.to_array(self.tensor)
        return found.T if self.turned else found


def load(file: Path) -> Any:
    """Return the model in ``file``, with the weights that lie beside it.

    Raises:
        ModelError: it is not an ONNX model.
        ModelDamaged: a number in it is NaN or infinite.

    """
    try:
        model = onnx.load(file)
    except FileNotFoundError as error:
        raise ModelError(f"{error.filename or file} is missing.") from error
    except Exception as error:  # protobuf's own errors have no common base
        raise ModelError(f"{file} cannot be read as an ONNX model: {error}") from error
    for tensor in model.graph.initializer:
        if tensor.data_type in {TensorProto.FLOAT, TensorProto.FLOAT16}:
            values = numpy_helper.to_array(tensor)
            # Minus infinity is what masks are made of.
            if bad := np.count_nonzero(np.isnan(values) | np.isposinf(values)):
                raise ModelDamaged(
                    f"{file.name}: {bad:,} numbers of {tensor.name} are NaN or infinite.",
                    hint="the checkpoint again: it was damaged, or its training had failed",
                )
    return model


def save(model: Any, file: Path) -> None:
    """Write ``model``, which is to be below 2 GB."""
    onnx.save(model, file)


def matrices(model: Any) -> list[Matrix]:
    """Return the matrices of ``model`` in the order of their first use."""
    found: dict[int, Matrix] = {}
    spoilt: set[int] = set()
    _walk(model.graph, {}, found, spoilt)
    return [matrix for key, matrix in found.items() if key not in spoilt and matrix.uses]


def chosen(
    matrices: Sequence[Matrix], include: Sequence[str], exclude: Sequence[str], least: int = 0
) -> list[Matrix]:
    """Return those whose name, or a node that uses it, matches ``include`` and not ``exclude``.

    Patterns are as in a shell. Matrices of fewer than ``least`` numbers are left out.
    """

    def matches(matrix: Matrix, patterns: Sequence[str]) -> bool:
        names = [matrix.name, *(use.node.name for use in matrix.uses)]
        return any(fnmatch(name, pattern) for name in names for pattern in patterns)

    return [
        matrix
        for matrix in matrices
        if matches(matrix, include)
        and not matches(matrix, exclude)
        and matrix.shape[0] * matrix.shape[1] >= least
    ]


def _walk(graph: Any, outer: dict[str, Matrix], found: dict[int, Matrix], spoilt: set[int]) -> None:
    scope = dict(outer)
    for tensor in graph.initializer:
        scope.pop(tensor.name, None)
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) == 2:
            matrix = Matrix(tensor.name, graph, tensor)
            scope[tensor.name] = found[id(tensor)] = matrix
    turned = {
        node.output[0]: node.input[0]
        for node in graph.node
        if node.op_type == "Transpose" and node.input[0] in scope and _swaps(node)
    }
    for node in graph.node:
        for body in _bodies(node):
            _walk(body, scope, found, spoilt)
        if node.output and turned.get(node.output[0]) is not None:
            continue
        for index, name in enumerate(node.input):
            matrix_name = turned.get(name, name)
            if matrix_name not in scope:
                continue
            matrix = scope[matrix_name]
            kind = _kind(node, index, turned=name in turned)
            if kind is None or (graph is not matrix.owner and name in turned):
                spoilt.add(id(matrix.tensor))
            else:
                matrix.uses.append(Use(kind, graph, node))
    for matrix in scope.values():
        kinds = {use.kind for use in matrix.uses}
        if Kind.TIMES in kinds and len(kinds) > 1:
            spoilt.add(id(matrix.tensor))


def _kind(node: Any, index: int, *, turned: bool) -> Kind | None:
    if node.op_type == "MatMul" and index == 1:
        return Kind.TIMES_TURNED if turned else Kind.TIMES
    if node.op_type == "Gemm" and index == 1:
        settings = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        plain = not settings.get("transA") and settings.get("alpha", 1.0) == 1.0
        if plain and settings.get("beta", 1.0) == 1.0:
            flipped = bool(settings.get("transB")) != turned
            return Kind.TIMES_TURNED if flipped else Kind.TIMES
    if node.op_type == "Gather" and index == 0 and not turned:
        axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
        return Kind.ROWS if axis == 0 else None
    return None


def _swaps(node: Any) -> bool:
    perm = next((list(a.ints) for a in node.attribute if a.name == "perm"), [1, 0])
    return perm == [1, 0]


def _bodies(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
