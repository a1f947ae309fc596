"""Weights of convolutions in few bits: what is stored, what is lost, what is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from edgevoice.errors import Misused, ModelError
from edgevoice_quantize import techniques
from edgevoice_quantize.stored_weights import restored, rounded_int4, rounded_int8, weights
from tests.quantize.bundles import calibration
from tests.quantize.voices import MODEL, off_db, small_voice, sound

NAME = "onnx_int8_conv_weights"
ALL = ["Conv", "ConvTranspose", "Gather", "MatMul", "Gemm"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return small_voice(tmp_path / "voice").folder / MODEL


def stored(source: Path, **options: Any) -> Path:
    target = source.with_name("small.onnx")
    complete = techniques.complete(NAME, options)
    techniques.find(NAME).apply(source, target, complete, calibration(8))
    return target


def types(file: Path) -> dict[str, int]:
    return {tensor.name: tensor.data_type for tensor in onnx.load(file).graph.initializer}


def test_convolutions_become_int8_and_sound_alike(source: Path) -> None:
    small = stored(source)
    found = types(small)
    assert {n for n, t in found.items() if t == TensorProto.INT8} == {
        *("pre_int8", "up_int8", "res_int8", "post_int8")
    }
    assert found["emb"] == TensorProto.FLOAT
    assert small.stat().st_size < 0.35 * source.stat().st_size
    assert off_db(small, source) < -35


def test_a_table_is_stored_row_by_row_where_asked(source: Path) -> None:
    small = stored(source, op_types=["Gather"])
    (codes, scale) = (
        tensor for tensor in onnx.load(small).graph.initializer if tensor.name.startswith("emb")
    )
    assert list(scale.dims) == [codes.dims[0]]
    assert off_db(small, source) < -35


def test_scales_are_those_of_outputs_in_both_directions(source: Path) -> None:
    """ConvTranspose numbers its outputs on the second axis."""
    dims = {
        tensor.name: list(tensor.dims) for tensor in onnx.load(stored(source)).graph.initializer
    }
    assert (dims["pre_scale"], dims["up_scale"]) == ([64], [32])


def test_four_bits_are_half_of_eight_and_lose_more(source: Path) -> None:
    eight = stored(source, op_types=ALL)
    size, off = eight.stat().st_size, off_db(eight, source)
    four = stored(source, op_types=ALL, bits=4)
    assert four.stat().st_size < 0.75 * size
    assert off + 10 < off_db(four, source) < -10


def test_what_is_stored_is_what_is_restored(source: Path) -> None:
    """The search foresees with ``restored`` what the technique will do."""
    model = onnx.load(source)
    for bits in (4, 8):
        small = stored(source, op_types=ALL, bits=bits)
        loaded = onnx.load(small)
        names = [weight.name for weight in weights(model, ALL, 1024)]
        assert len(names) == 5
        del loaded.graph.output[:]
        loaded.graph.output.extend(
            onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names
        )
        session = ort.InferenceSession(
            loaded.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        feeds = {
            "input": np.zeros((1, 4), np.int64),
            "input_lengths": np.array([4]),
            "scales": np.ones(3, np.float32),
        }
        got = dict(zip(names, session.run(names, feeds), strict=True))
        for weight in weights(model, ALL, 1024):
            wanted = restored(weight.values(), weight.axis, bits, 32)
            assert got[weight.name] == pytest.approx(wanted, abs=1e-6)


def test_each_output_has_a_scale_of_its_own() -> None:
    values = np.random.default_rng(0).normal(0, 1, (4, 8, 3)).astype(np.float32)
    values[0] *= 1000
    for axis in (0, 1):
        codes, scale = rounded_int8(values, axis)
        assert scale.shape == (values.shape[axis],)
        assert np.abs(codes).max(axis=tuple({0, 1, 2} - {axis})) == pytest.approx(127)


def test_a_scale_is_chosen_for_the_least_error() -> None:
    """Against the usual one: largest to -8."""
    values = np.random.default_rng(0).normal(0, 1, (64, 32)).astype(np.float32)
    codes, scale = rounded_int4(values, 0, 32)
    furthest = np.take_along_axis(values, np.abs(values).argmax(axis=1)[:, None], axis=1)
    usual = furthest / np.float32(-8)
    plain = np.clip(np.rint(values / usual), -8, 7) * usual
    error = ((codes * scale[:, None] - values) ** 2).sum()
    assert error < 0.95 * ((plain - values) ** 2).sum()


@pytest.mark.parametrize("bits", [4, 8])
def test_zeros_stay_zero(bits: int) -> None:
    values: NDArray[np.float32] = np.zeros((4, 32), np.float32)
    assert not restored(values, 0, bits, 32).any()


@pytest.mark.parametrize("pattern", ["up", "/dec/up/*"])
def test_what_is_excluded_by_the_name_of_weight_or_node_stays(source: Path, pattern: str) -> None:
    assert types(stored(source, exclude=[pattern]))["up"] == TensorProto.FLOAT


def test_only_what_is_included_changes(source: Path) -> None:
    found = types(stored(source, include=["/dec/res/*"]))
    assert [name for name, kind in found.items() if kind == TensorProto.INT8] == ["res_int8"]


def test_weights_stay_small_in_memory(source: Path, tmp_path: Path) -> None:
    """The runtime folds constants as it loads; it must not fold these."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "as-loaded.onnx")
    options.log_severity_level = 3
    ort.InferenceSession(str(stored(source)), options, providers=["CPUExecutionProvider"])
    kinds = [t.data_type for t in onnx.load(tmp_path / "as-loaded.onnx").graph.initializer]
    assert kinds.count(TensorProto.INT8) == 4


def test_metadata_is_kept(source: Path) -> None:
    (kept,) = onnx.load(stored(source)).metadata_props
    assert (kept.key, kept.value) == ("sample_rate", "16000")


def test_what_cannot_be_is_refused_in_one_line(source: Path) -> None:
    with pytest.raises(Misused, match="Weights of 3 bits"):
        stored(source, bits=3)
    with pytest.raises(ModelError, match="no weight that is to be quantized"):
        stored(source, include=["nothing"])
    model = onnx.load(source)
    model.opset_import[0].version = 12
    onnx.save(model, source)
    with pytest.raises(ModelError, match="opset 12; int8 weights need 13"):
        stored(source)


def test_sound_is_finite(source: Path) -> None:
    assert np.isfinite(sound(stored(source, op_types=ALL, bits=4))).all()
