from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from edgevoice.errors import EdgeVoiceError, ModelDamaged, ModelError
from edgevoice_quantize import techniques
from edgevoice_quantize.audit import audit
from edgevoice_quantize.onnx_weights import Kind, load, matrices
from edgevoice_quantize.whisper_feeds import feeds_of
from tests.quantize.bundles import calibration, small_model, tiny_whisper_bundle

TOKENS = np.arange(12).reshape(3, 4)


def applied(name: str, source: Path, target: Path, count: int = 8, **options: Any) -> Path:
    complete = techniques.complete(name, options)
    techniques.find(name).apply(source, target, complete, calibration(count))
    return target


def logits(file: Path) -> NDArray[np.float32]:
    session = ort.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"tokens": TOKENS})
    return np.asarray(found)


def off(file: Path, source: Path) -> float:
    """How far the logits are from the source's, as a share of their size."""
    was = logits(source)
    return float(np.abs(logits(file) - was).max() / np.abs(was).max())


def test_a_table_that_is_read_and_scored_is_stored_once(tmp_path: Path) -> None:
    source = small_model(tmp_path / "source.onnx")
    (table, hidden) = matrices(load(source))
    assert [use.kind for use in table.uses] == [Kind.ROWS, Kind.TIMES_TURNED]
    assert [use.kind for use in hidden.uses] == [Kind.TIMES]
    small = applied("onnx_int8_dynamic", source, tmp_path / "int8.onnx")
    seen = audit(small)
    assert seen.quantized == {"DynamicQuantizeLinear": 2, "MatMulInteger": 2}
    assert seen.left == {}
    bytes_of = {
        t.name: len(t.raw_data) for t in onnx.load(small).graph.initializer if t.data_type == 3
    }
    assert sorted(bytes_of.values()) == [64 * 64, 64 * 128]
    assert off(small, source) < 0.03


def test_each_output_has_a_scale_of_its_own(tmp_path: Path) -> None:
    source = small_model(tmp_path / "source.onnx")
    model = onnx.load(source)
    (hidden,) = (t for t in model.graph.initializer if t.name == "hidden.weight")
    values = numpy_helper.to_array(hidden).copy()
    values[:, 0] *= 100  # one loud output
    hidden.CopyFrom(numpy_helper.from_array(values, hidden.name))
    onnx.save(model, source)
    channel = applied("onnx_int8_dynamic", source, tmp_path / "a.onnx", include=["hidden*"])
    tensor = applied(
        "onnx_int8_dynamic", source, tmp_path / "b.onnx", include=["hidden*"], per_channel=False
    )
    assert off(channel, source) < off(tensor, source) / 2


@pytest.mark.parametrize("pattern", ["table", "score", "t?ble"])
def test_what_is_excluded_by_the_name_of_matrix_or_node_stays(tmp_path: Path, pattern: str) -> None:
    source = small_model(tmp_path / "source.onnx")
    small = applied("onnx_int8_dynamic", source, tmp_path / "int8.onnx", exclude=[pattern])
    assert set(audit(small).left) == {"table"}


def test_metadata_is_kept(tmp_path: Path) -> None:
    source = small_model(tmp_path / "source.onnx")
    for name in ("onnx_int8_dynamic", "onnx_fp16"):
        made = onnx.load(applied(name, source, tmp_path / f"{name}.onnx"))
        assert {p.key: p.value for p in made.metadata_props} == {"kind": "small"}


def test_fp16_halves_the_bytes_and_moves_nothing_far(tmp_path: Path) -> None:
    source = small_model(tmp_path / "source.onnx")
    half = applied("onnx_fp16", source, tmp_path / "fp16.onnx")
    assert half.stat().st_size < 0.55 * source.stat().st_size
    assert off(half, source) < 1e-3


def test_numbers_too_large_for_fp16_are_refused(tmp_path: Path) -> None:
    source = spoilt(tmp_path, 1e6)
    with pytest.raises(ModelError, match=r"table holds numbers too large"):
        applied("onnx_fp16", source, tmp_path / "fp16.onnx")


@pytest.mark.parametrize("name", ["onnx_int8_dynamic", "onnx_int4", "onnx_fp16"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, name: str, value: float) -> None:
    with pytest.raises(ModelDamaged, match=r"1 numbers of table are NaN or infinite"):
        applied(name, spoilt(tmp_path, value), tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


def test_what_is_no_onnx_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelError, match="cannot be read as an ONNX model"):
        applied("onnx_int8_dynamic", tmp_path / "text.onnx", tmp_path / "out.onnx")


def test_a_model_without_a_matrix_is_refused(tmp_path: Path) -> None:
    source = small_model(tmp_path / "source.onnx", width=4, words=4)
    with pytest.raises(ModelError, match="no matrix that is to be quantized"):
        applied("onnx_int8_dynamic", source, tmp_path / "out.onnx")


def test_static_ranges_are_learnt_from_what_the_runtime_will_feed(tmp_path: Path) -> None:
    bundle = tiny_whisper_bundle(tmp_path)
    made = applied("onnx_int8_static", bundle.path("decoder.onnx"), tmp_path / "decoder.onnx")
    assert audit(made).quantized == {"MatMulInteger": 1, "QuantizeLinear": 1}
    ours = {p.key: p.value for p in onnx.load(made).metadata_props}
    assert ours == {p.key: p.value for p in onnx.load(bundle.path("decoder.onnx")).metadata_props}
    feeds = next(feeds_of(bundle.path("decoder.onnx"), calibration(1).items))
    was, now = (
        ort.InferenceSession(str(file), providers=["CPUExecutionProvider"]).run(["logits"], feeds)
        for file in (bundle.path("decoder.onnx"), made)
    )
    kept = was[0] > -1000  # suppressed tokens are far below
    assert np.abs(now[0] - was[0])[kept].max() < 0.05 * np.abs(was[0][kept]).max()


def test_static_ranges_need_more_than_one_clip(tmp_path: Path) -> None:
    bundle = tiny_whisper_bundle(tmp_path)
    with pytest.raises(EdgeVoiceError, match="has 1 utterances; static ranges need 8"):
        applied("onnx_int8_static", bundle.path("decoder.onnx"), tmp_path / "out.onnx", count=1)


def spoilt(folder: Path, value: float) -> Path:
    source = small_model(folder / "source.onnx")
    model = onnx.load(source)
    (table,) = (t for t in model.graph.initializer if t.name == "table")
    values = numpy_helper.to_array(table).copy()
    values[3, 4] = value
    table.CopyFrom(numpy_helper.from_array(values, table.name))
    onnx.save(model, source)
    return source
