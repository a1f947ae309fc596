"""Matrices in 4 bits: what our own arithmetic says, and what ONNX Runtime computes with them."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgevoice.errors import Misused, ModelError
from edgevoice_quantize import int4, techniques
from edgevoice_quantize.held_out import Calibration

CHANCE = np.random.default_rng(3)
MATRIX = CHANCE.normal(0, 1, (12, 96)).astype(np.float32)
"""Outputs by inputs."""

ROUNDINGS = {
    "symmetric": int4.symmetric,
    "asymmetric": int4.asymmetric,
    "hqq": int4.hqq,
    "hqq, whole": int4.whole_zeros(int4.hqq),
}


@pytest.mark.parametrize("rounding", ROUNDINGS.values(), ids=ROUNDINGS)
@pytest.mark.parametrize("block", [16, 32, 64])
def test_no_number_is_off_by_more_than_a_step(rounding: int4.Rounding, block: int) -> None:
    packed = int4.quantize(MATRIX, rounding, block)
    off = np.abs(packed.values() - MATRIX)
    # HQQ lets a few be far off, so that most are nearer.
    assert np.quantile(off, 0.95) <= np.abs(packed.scales).max()
    assert off.mean() < 0.3 * np.abs(packed.scales).mean()


@pytest.mark.parametrize("rounding", ROUNDINGS.values(), ids=ROUNDINGS)
def test_zeros_stay_zeros(rounding: int4.Rounding) -> None:
    assert not int4.quantize(np.zeros((4, 64), np.float32), rounding, 32).values().any()


def test_the_symmetric_form_has_no_zero_points() -> None:
    assert int4.quantize(MATRIX, int4.symmetric, 32).zeros is None


def test_sixteen_even_levels_are_met_exactly_where_zero_points_are_free() -> None:
    levels = (0.37 + 0.11 * CHANCE.integers(0, 16, (8, 64))).astype(np.float32)
    levels[:, ::32], levels[:, 1::32] = 0.37, 0.37 + 15 * 0.11
    assert np.allclose(int4.quantize(levels, int4.hqq, 32).values(), levels, atol=1e-5)
    assert not np.allclose(int4.quantize(levels, int4.asymmetric, 32).values(), levels, atol=1e-2)


def least_squares(blocks: int4.Floats) -> tuple[int4.Codes, int4.Floats, int4.Floats]:
    """Zero points for the least sum of squares, to which large errors count most."""
    least = blocks.min(-1)
    scales = (blocks.max(-1) - least) / int4.MOST
    zeros = -least / scales

    def codes() -> int4.Codes:
        units = np.rint(blocks / scales[..., None] + zeros[..., None])
        return np.asarray(np.clip(units, 0, int4.MOST), np.int64)

    for _ in range(20):
        zeros = (codes() - blocks / scales[..., None]).mean(-1)
    return codes(), scales, zeros


@pytest.mark.parametrize("size", [0.02, 1.0])
@pytest.mark.parametrize("other", [int4.asymmetric, least_squares])
def test_hqq_is_nearer_in_most_places(other: int4.Rounding, size: float) -> None:
    matrix = (size * CHANCE.standard_t(3, (256, 256))).astype(np.float32)

    def off(rounding: int4.Rounding) -> float:
        return float(np.abs(int4.quantize(matrix, rounding, 64).values() - matrix).mean())

    assert off(int4.hqq) < 0.99 * off(other)


def saved(folder: Path, *, gemm: bool = False, table: bool = False) -> Path:
    """A model that multiplies by ``MATRIX``; with ``table``, what it multiplies is its rows."""
    weight = numpy_helper.from_array(MATRIX.T.copy(), "w")
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 96])]
    initializers = [weight, numpy_helper.from_array(np.arange(12, dtype=np.float32), "bias")]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")]
    if gemm:
        nodes = [helper.make_node("Gemm", ["x", "w", "bias"], ["y"], name="product")]
    if table:
        initializers = [numpy_helper.from_array(MATRIX, "w")]
        inputs = [helper.make_tensor_value_info("x", TensorProto.INT64, ["n"])]
        nodes = [
            helper.make_node("Gather", ["w", "x"], ["rows"], name="rows"),
            helper.make_node("Transpose", ["w"], ["turned"], perm=[1, 0]),
            helper.make_node("MatMul", ["rows", "turned"], ["y"], name="product"),
        ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 12])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, folder / "m.onnx")
    return folder / "m.onnx"


def small(source: Path, **options: object) -> Path:
    target = source.with_name("small.onnx")
    complete = techniques.complete("onnx_int4", {**options, "accuracy": 1})
    techniques.find("onnx_int4").apply(source, target, complete, Calibration(()))
    return target


def run(file: Path, x: NDArray[np.generic]) -> NDArray[np.float32]:
    session = ort.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": x})
    return np.asarray(found, np.float32)


@pytest.mark.parametrize(
    ("options", "rounding"),
    [
        ({}, int4.asymmetric),
        ({"symmetric": True}, int4.symmetric),
        ({"method": "hqq"}, int4.whole_zeros(int4.hqq)),
        ({"method": "hqq", "whole_zeros": False}, int4.hqq),
    ],
    ids=["rtn", "symmetric", "hqq", "hqq with zero points of float32"],
)
@pytest.mark.parametrize("block", [32, 64])
@pytest.mark.parametrize("gemm", [False, True], ids=["MatMul", "Gemm"])
def test_the_runtime_multiplies_with_what_we_packed(
    options: dict[str, object], rounding: int4.Rounding, block: int, gemm: bool, tmp_path: Path
) -> None:
    x = CHANCE.normal(0, 1, (5, 96)).astype(np.float32)
    file = small(saved(tmp_path, gemm=gemm), block=block, least=0, **options)
    expected = x @ int4.quantize(MATRIX, rounding, block).values().T
    np.testing.assert_allclose(run(file, x), expected + gemm * np.arange(12), atol=1e-4)
    kinds = [node.op_type for node in onnx.load(file).graph.node]
    assert kinds == ["MatMulNBits", *(["Add"] if gemm else [])]


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_table_is_stored_once_for_reading_and_scoring(symmetric: bool, tmp_path: Path) -> None:
    x = np.array([3, 0, 11, 3])
    file = small(saved(tmp_path, table=True), symmetric=symmetric, least=0)
    rounding = int4.symmetric if symmetric else int4.asymmetric
    values = int4.quantize(MATRIX, rounding, 32).values()
    np.testing.assert_allclose(run(file, x), values[x] @ values.T, atol=1e-4)
    big = [t for t in onnx.load(file).graph.initializer if t.name.endswith("codes")]
    assert len(big) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"method": "gptq"}, "no method 'gptq'"),
        ({"method": "hqq", "symmetric": True}, "no method 'hqq'"),
        ({"block": 24}, "block of 24"),
        ({"block": 8}, "block of 8"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, object], says: str, tmp_path: Path) -> None:
    with pytest.raises(Misused, match=says):
        small(saved(tmp_path), **options)


def test_a_table_whose_rows_are_no_whole_blocks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="rows of 96, no multiple of 64"):
        small(saved(tmp_path, table=True), block=64, least=0)


def test_a_model_without_matrices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no matrix"):
        small(saved(tmp_path), exclude=["product"], least=0)
