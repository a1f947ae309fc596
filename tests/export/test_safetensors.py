from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgevoice.errors import ModelDamaged
from edgevoice_export import safetensors

TENSORS: dict[str, safetensors.Tensor] = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([1, -2], np.int8),
    "c": np.array([0.5, 1.5], np.float16),
}


def written(folder: Path, tensors: dict[str, safetensors.Tensor] = TENSORS) -> Path:
    safetensors.write(folder / "x.safetensors", tensors)
    return folder / "x.safetensors"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    entries = safetensors.read_header(written(tmp_path))
    assert [(e.name, e.dtype, e.shape) for e in entries] == [
        ("a", "F32", (2, 3)),
        ("b", "I8", (2,)),
        ("c", "F16", (2,)),
    ]
    for entry in entries:
        values = np.concatenate(list(entry.pieces())).reshape(entry.shape)
        np.testing.assert_array_equal(values, TENSORS[entry.name])


def test_large_tensors_come_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safetensors, "SCAN_VALUES", 4)
    (entry, *_) = safetensors.read_header(written(tmp_path))
    assert [len(piece) for piece in entry.pieces()] == [4, 2]


def test_bfloat16_is_the_upper_half_of_float32(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    header = json.dumps({"w": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
    halves = np.array([1.0, -2.5, np.nan], np.float32).view(np.uint32) >> 16
    file.write_bytes(len(header).to_bytes(8, "little") + header + halves.astype("<u2").tobytes())
    (entry,) = safetensors.read_header(file)
    np.testing.assert_array_equal(np.concatenate(list(entry.pieces())), [1.0, -2.5, np.nan])
    assert entry.not_finite() == 1


@pytest.mark.parametrize(
    ("values", "bad"),
    [([1.0, 2.0], 0), ([np.nan, 2.0], 1), ([np.inf, -np.inf], 2)],
    ids=["whole", "NaN", "infinite"],
)
def test_values_that_are_no_numbers_are_counted(
    tmp_path: Path, values: list[float], bad: int
) -> None:
    file = written(tmp_path, {"w": np.array(values, np.float16)})
    assert [entry.not_finite() for entry in safetensors.read_header(file)] == [bad]


@pytest.mark.parametrize("keep", [0, 7, 8, 40, -1])
def test_a_file_cut_short_is_named(tmp_path: Path, keep: int) -> None:
    file = written(tmp_path)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ModelDamaged, match=r"x\.safetensors"):
        safetensors.read_header(file)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"not JSON",
        b'{"w": {"dtype": "F32", "shape": [2]}}',
        b'{"w": {"dtype": "F4", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"w": {"dtype": "F32", "shape": [3], "data_offsets": [0, 4]}}',
        b'{"w": {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]}}',
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, header: bytes) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ModelDamaged, match="cannot be read"):
        safetensors.read_header(file)
