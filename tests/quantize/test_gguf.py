"""GGUF files in smaller types: which tensor gets which, and what goes wrong."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgevoice.backends.gguf_header import read_header
from edgevoice.errors import BackendFailed, Misused, ModelDamaged, ModelError
from edgevoice_quantize import ggml_error, gguf, imatrix, techniques
from edgevoice_quantize.gguf import GgufTypes
from edgevoice_quantize.gguf_scores import GgufScorer
from edgevoice_quantize.held_out import Calibration, Item
from tests.quantize import tiny_gguf

TEXTS = [f"> Question {n}\nThe answer to question {n} is {7 * n}, or nearly so." for n in range(40)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(tmp_path_factory.mktemp("m") / "tiny.f16.gguf")


@pytest.fixture(scope="module")
def importance(source: Path) -> dict[str, NDArray[np.float32]]:
    return imatrix.gather(source, TEXTS)


def made(source: Path, folder: Path, types: GgufTypes, matrix: Path | None = None) -> Path:
    target = folder / "made.gguf"
    gguf.quantize(source, target, types, importance=matrix)
    assert not list(folder.glob("*.partial"))
    return target


@pytest.mark.parametrize("mix", gguf.MIXES)
def test_every_mix_is_made_and_read_again(mix: str, source: Path, tmp_path: Path) -> None:
    target = made(source, tmp_path, GgufTypes(mix))
    assert target.stat().st_size < 0.65 * source.stat().st_size
    kinds = gguf.types_of(target)
    assert not {kinds[name] for name in gguf.weights(read_header(source))} & {"F16", "F32"}
    assert kinds["output_norm.weight"] == "F32"


def test_tensors_get_the_types_that_are_named_for_them(source: Path, tmp_path: Path) -> None:
    named = {r"^blk\.1\.ffn_down\.weight$": "Q8_0", "ffn_": "IQ4_XS", "attn_v": "F16"}
    kinds = gguf.types_of(made(source, tmp_path, GgufTypes("Q4_0", named, pure=True)))
    assert kinds["blk.1.ffn_down.weight"] == "Q8_0"
    assert {kinds[f"blk.{n}.ffn_up.weight"] for n in (0, 1)} == {"IQ4_XS"}
    assert kinds["blk.0.ffn_down.weight"] == "IQ4_XS"
    assert {kinds[f"blk.{n}.attn_v.weight"] for n in (0, 1)} == {"F16"}
    assert kinds["blk.0.attn_q.weight"] == kinds["token_embd.weight"] == "Q4_0"


def test_progress_is_told_tensor_by_tensor(source: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    gguf.quantize(
        source, tmp_path / "m", GgufTypes("Q8_0"), on_progress=lambda *done: told.append(done)
    )
    count = len(read_header(source).tensors)
    assert sorted(set(told)) == [(n, count) for n in range(1, count + 1)]


@pytest.mark.parametrize(
    ("types", "says"),
    [
        (GgufTypes("Q9_9"), "'Q9_9' is no GGUF type"),
        (GgufTypes("Q4_0", {"ffn": "Q9_9"}), "'Q9_9' is no type of a tensor"),
        (GgufTypes("Q4_0", {"(": "Q4_0"}), "is no pattern"),
    ],
)
def test_what_is_no_type_is_said_before(
    types: GgufTypes, says: str, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(Misused, match=re.escape(says)):
        made(source, tmp_path, types)


def test_what_llama_cpp_cannot_do_is_said_and_nothing_is_left(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(source.read_bytes()[:-50_000])
    with pytest.raises(BackendFailed, match=r"could not make made\.gguf: .*corrupted"):
        made(broken, tmp_path, GgufTypes("Q4_0"))
    assert list(tmp_path.iterdir()) == [broken]
    with pytest.raises(ModelDamaged, match="cut off"):
        gguf.types_of(broken)
    assert capfd.readouterr() == ("", "")  # llama.cpp's own lines would tear a view


def test_sizes_are_foretold(source: Path, tmp_path: Path) -> None:
    tensors = read_header(source).tensors
    for kind in ("Q8_0", "Q6_K", "IQ4_XS"):
        found = read_header(made(source, tmp_path, GgufTypes(kind, {".": kind}))).tensors
        for name in gguf.weights(read_header(source)):
            real = gguf.fitting(kind, tensors[name].shape)
            assert found[name].size_bytes == gguf.size_bytes(real, tensors[name].shape)


@pytest.mark.parametrize(
    ("kind", "width", "fits"),
    [
        ("Q4_K", 576, "Q5_0"),
        ("Q6_K", 576, "Q8_0"),
        ("IQ4_XS", 576, "IQ4_NL"),
        ("Q4_K", 512, "Q4_K"),
        ("Q4_0", 48, "F16"),
        ("Q4_K", 48, "F16"),
    ],
)
def test_a_row_that_is_no_whole_number_of_blocks_gets_another_type(
    kind: str, width: int, fits: str
) -> None:
    assert gguf.fitting(kind, (width, 10)) == fits


def test_importance_is_the_mean_square_of_what_flows_in(source: Path) -> None:
    tensors = tiny_gguf.weights()
    scorer = GgufScorer(source)
    text = "\n\n".join(["Plain prose is read as it is."] * 40)
    tokens = scorer.encode(text)[:512]
    found = imatrix.gather(source, [text, text, text])
    embedded = tensors["token_embd.weight"].astype(np.float16).astype(np.float32)[tokens[:-1]]
    root = np.sqrt(np.square(embedded).mean(1, keepdims=True) + tiny_gguf.EPSILON)
    flows_in = embedded / root * tensors["blk.0.attn_norm.weight"]
    expected = np.square(flows_in).mean(0)
    np.testing.assert_allclose(found["blk.0.attn_q.weight"], expected, rtol=2e-3)
    assert set(found) == set(gguf.weights(read_header(source)))


def test_importance_survives_its_file(
    importance: dict[str, NDArray[np.float32]], tmp_path: Path
) -> None:
    imatrix.save(importance, tmp_path / "i.npz")
    again = imatrix.load(tmp_path / "i.npz")
    assert {name: values.tolist() for name, values in again.items()} == {
        name: values.tolist() for name, values in importance.items()
    }
    (tmp_path / "i.npz").write_bytes(b"PK\3\4 no archive")
    with pytest.raises(ModelError, match="no importance matrix"):
        imatrix.load(tmp_path / "i.npz")


def test_importance_makes_products_truer(
    source: Path,
    importance: dict[str, NDArray[np.float32]],
    tmp_path: Path,
) -> None:
    imatrix.save(importance, tmp_path / "i.npz")
    name = "blk.0.attn_q.weight"

    def off(path: Path) -> float:
        exact = rows_of(source, name)
        return float((np.square(rows_of(path, name) - exact) * importance[name]).sum())

    plain = off(made(source, tmp_path, GgufTypes("Q4_K_S")))
    weighed = off(made(source, tmp_path, GgufTypes("Q4_K_S"), tmp_path / "i.npz"))
    assert weighed < 0.8 * plain


def rows_of(path: Path, name: str) -> NDArray[np.float32]:
    """The tensor as ggml reads it from the file."""
    tensor = read_header(path).tensors[name]
    data = path.read_bytes()[tensor.offset : tensor.offset + tensor.size_bytes]
    return ggml_error.unpacked(data, gguf.NAMES[tensor.kind], tensor.shape[0])


def test_too_little_to_calibrate_on_is_refused(source: Path) -> None:
    with pytest.raises(ModelError, match=r"has \d+ tokens; 1000 are the least"):
        imatrix.gather(source, TEXTS[:3])


def test_foreseen_errors_are_those_of_the_library(
    source: Path,
    importance: dict[str, NDArray[np.float32]],
    tmp_path: Path,
) -> None:
    name = "blk.1.ffn_down.weight"
    rows = ggml_error.some_rows(source, read_header(source).tensors[name])
    imatrix.save(importance, tmp_path / "i.npz")
    for kind in ("Q8_0", "Q5_K", "Q4_0", "IQ4_XS"):
        target = made(source, tmp_path, GgufTypes("Q8_0", {".": kind}), tmp_path / "i.npz")
        exact = rows_of(source, name)
        real = (np.square(rows_of(target, name) - exact) * importance[name]).sum(1).mean()
        foreseen = ggml_error.error(rows, kind, importance[name])
        assert foreseen == pytest.approx(float(real), rel=0.2)


def test_a_file_that_is_quantized_already_cannot_be_explored(source: Path, tmp_path: Path) -> None:
    target = made(source, tmp_path, GgufTypes("Q8_0"))
    tensor = read_header(target).tensors["blk.0.attn_q.weight"]
    with pytest.raises(ModelError, match=r"quantized already \(Q8_0\)"):
        ggml_error.some_rows(target, tensor)


def calibration(texts: Sequence[str]) -> Calibration:
    items = (Item(text.splitlines()[0], text) for text in texts)
    return Calibration(tuple(item for item in items if item.for_calibration))


def test_the_technique_gathers_importance_and_takes_types(source: Path, tmp_path: Path) -> None:
    technique = techniques.find("gguf")
    texts = [text + " And then some more words, so that it is long enough." for text in TEXTS]
    options = {"type": "Q4_K_S", "tensors": {"ffn_down": "Q6_K"}}
    complete = techniques.complete("gguf", options)
    technique.apply(source, tmp_path / "with.gguf", complete, calibration(texts))
    without = complete | {"importance": False}
    technique.apply(source, tmp_path / "without.gguf", without, calibration(texts))
    kinds = [gguf.types_of(tmp_path / name) for name in ("with.gguf", "without.gguf")]
    assert kinds[0] == kinds[1]
    assert kinds[0]["blk.0.ffn_down.weight"] == "Q6_K"
    assert (tmp_path / "with.gguf").read_bytes() != (tmp_path / "without.gguf").read_bytes()
