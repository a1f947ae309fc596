from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgevoice.errors import Misused, ModelDamaged, ModelError
from edgevoice_quantize import ct2_file, techniques
from edgevoice_quantize.ct2_file import Ct2File
from edgevoice_quantize.techniques import ctranslate2
from tests.quantize.bundles import calibration


def model() -> Ct2File:
    rng = np.random.default_rng(0)
    return Ct2File(
        "WhisperSpec",
        3,
        {
            "decoder/embeddings/weight": rng.normal(0, 1, (8, 4)).astype("<f2"),
            "encoder/conv1/weight": rng.normal(0, 1, (4, 3, 3)).astype("<f2"),
            "encoder/conv1/bias": rng.normal(0, 1, (4,)).astype("<f2"),
            "encoder/num_heads": np.array(6, "<i2"),
        },
        {"decoder/projection/weight": "decoder/embeddings/weight"},
    )


def converted(folder: Path, content: Ct2File, kind: str) -> Ct2File:
    source, target = folder / "source.bin", folder / "model.bin"
    ct2_file.write(source, content)
    options = techniques.complete("ctranslate2", {"type": kind})
    ctranslate2.apply(source, target, options, calibration(0))
    return ct2_file.read(target)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    ct2_file.write(tmp_path / "model.bin", model())
    found = ct2_file.read(tmp_path / "model.bin")
    assert (found.spec, found.revision, found.aliases) == ("WhisperSpec", 3, model().aliases)
    assert found.tensors.keys() == model().tensors.keys()
    for name, values in model().tensors.items():
        assert found.tensors[name].dtype == values.dtype
        np.testing.assert_array_equal(found.tensors[name], values)


@pytest.mark.parametrize(
    ("kind", "weight", "bias"),
    [
        ("int8", "|i1", "<f2"),
        ("int8_float32", "|i1", "<f4"),
        ("int8_float16", "|i1", "<f2"),
        ("float16", "<f2", "<f2"),
        ("float32", "<f4", "<f4"),
    ],
)
def test_types(tmp_path: Path, kind: str, weight: str, bias: str) -> None:
    found = converted(tmp_path, model(), kind).tensors
    assert found["decoder/embeddings/weight"].dtype.str == weight
    assert found["encoder/conv1/weight"].dtype.str == weight
    assert found["encoder/conv1/bias"].dtype.str == bias
    assert found["encoder/num_heads"].dtype.str == "<i2"


def test_rows_come_back_from_int8_within_half_a_step(tmp_path: Path) -> None:
    was = model().tensors["decoder/embeddings/weight"].astype(np.float32)
    found = converted(tmp_path, model(), "int8").tensors
    scale = found["decoder/embeddings/weight_scale"].astype(np.float32)[:, None]
    back = found["decoder/embeddings/weight"].astype(np.float32) / scale
    assert (np.abs(back - was) <= 0.501 / scale).all()


def test_what_is_quantized_already_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is quantized already"):
        converted(tmp_path, converted(tmp_path, model(), "int8"), "int8")


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    spoilt = model()
    spoilt.tensors["encoder/conv1/bias"][2] = np.nan
    with pytest.raises(ModelDamaged, match="encoder/conv1/bias holds numbers that are NaN"):
        converted(tmp_path, spoilt, "int8")


def test_an_unknown_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="has no type 'int4'"):
        converted(tmp_path, model(), "int4")


@pytest.mark.parametrize("bytes_left", [0, 3, 11, 60, -1])
def test_a_file_cut_short_is_told(tmp_path: Path, bytes_left: int) -> None:
    file = tmp_path / "model.bin"
    ct2_file.write(file, model())
    file.write_bytes(file.read_bytes()[:bytes_left])
    with pytest.raises(ModelDamaged, match="cut short"):
        ct2_file.read(file)


def test_another_version_is_told(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    ct2_file.write(file, model())
    file.write_bytes(b"\x05" + file.read_bytes()[1:])
    with pytest.raises(ModelError, match="binary version 5, not 6"):
        ct2_file.read(file)
