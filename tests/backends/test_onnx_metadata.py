from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgevoice.backends.onnx_metadata import read_metadata
from edgevoice.errors import ModelDamaged

METADATA = {"n_mels": "80", "languages": "en,de,\u4e2d", "empty": "", "long": "x" * 1000}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    weights = numpy_helper.from_array(np.zeros((64, 64), np.float32), "w")
    taken, given = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64]) for name in "xy"
    )
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    whole = helper.make_model(helper.make_graph([node], "g", [taken], [given], [weights]))
    helper.set_model_props(whole, METADATA)
    onnx.save(whole, tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def test_metadata_is_read_as_onnx_writes_it(model: Path) -> None:
    assert read_metadata(model) == METADATA


def test_a_model_may_have_none(model: Path) -> None:
    without = onnx.load(model)
    del without.metadata_props[:]
    onnx.save(without, model)
    assert read_metadata(model) == {}


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.94, 0.999])
def test_a_file_cut_short_is_damaged(model: Path, kept: float) -> None:
    whole = model.read_bytes()
    model.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ModelDamaged, match=r"model\.onnx"):
        read_metadata(model)


@pytest.mark.parametrize("content", [b"", b"\xff" * 1000, b"not a model", b"\x80"])
def test_what_is_no_model_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelDamaged):
        read_metadata(tmp_path / "model.onnx")


def test_an_absent_file_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(ModelDamaged):
        read_metadata(tmp_path / "model.onnx")
