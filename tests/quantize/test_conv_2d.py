"""Convolutions over time in two dimensions: the same sound, from other kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from edgevoice.errors import ModelError
from edgevoice_quantize import techniques
from tests.quantize.bundles import calibration
from tests.quantize.voices import MODEL, small_voice, sound

NAME = "onnx_conv_2d"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return small_voice(tmp_path / "voice").folder / MODEL


def lifted(source: Path, **options: Any) -> Path:
    target = source.with_name("lifted.onnx")
    complete = techniques.complete(NAME, options)
    techniques.find(NAME).apply(source, target, complete, calibration(8))
    return target


def kinds(file: Path) -> list[str]:
    return [node.op_type for node in onnx.load(file).graph.node]


@pytest.mark.parametrize("include", [["*"], ["/dec/*"], ["/dec/res/*"], ["up", "post"]])
def test_the_sound_is_the_same(source: Path, include: list[str]) -> None:
    made = lifted(source, include=include)
    onnx.checker.check_model(onnx.load(made), full_check=True)
    assert sound(made) == pytest.approx(sound(source), abs=1e-6)


def test_what_lies_between_two_stays_between(source: Path) -> None:
    """Up once, down once: else each turn would cost what the kernels win."""
    found = kinds(lifted(source))
    assert found.count("Unsqueeze") == found.count("Squeeze") == 1


def test_weights_are_stored_once(source: Path) -> None:
    assert lifted(source).stat().st_size < 1.02 * source.stat().st_size


def test_what_is_not_included_stays_flat(source: Path) -> None:
    made = onnx.load(lifted(source, include=["/dec/res/*"]))
    dims = {tensor.name: len(tensor.dims) for tensor in made.graph.initializer}
    assert (dims["res_2d"], dims["up"]) == (4, 3)
    with pytest.raises(ModelError, match="no convolution that is to be rewritten"):
        lifted(source, exclude=["*"])


def test_the_blocked_kernels_are_taken(source: Path, tmp_path: Path) -> None:
    """What it is for; they are there on x86 with AVX and on some Arm processors."""

    def blocked(file: Path) -> bool:
        options = ort.SessionOptions()
        options.optimized_model_filepath = str(tmp_path / "as-loaded.onnx")
        options.log_severity_level = 3
        ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        nodes = onnx.load(tmp_path / "as-loaded.onnx").graph.node
        return any(node.domain == "com.microsoft.nchwc" for node in nodes)

    model = onnx.load(source)
    wide = np.zeros((64, 64, 1, 1), np.float32)
    del model.graph.node[:], model.graph.input[:], model.graph.output[:]
    model.graph.node.append(onnx.helper.make_node("Conv", ["x", "wide"], ["y"]))
    model.graph.initializer.append(onnx.numpy_helper.from_array(wide, "wide"))
    info = onnx.helper.make_tensor_value_info
    model.graph.input.append(info("x", onnx.TensorProto.FLOAT, [1, 64, 1, 9]))
    model.graph.output.append(info("y", onnx.TensorProto.FLOAT, [1, 64, 1, 9]))
    onnx.save(model, tmp_path / "pictures.onnx")
    assert not blocked(source)
    assert blocked(lifted(source)) == blocked(tmp_path / "pictures.onnx")
