from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgevoice import cli
from edgevoice.backends import engines
from edgevoice.backends.onnx_metadata import read_metadata
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Role
from edgevoice.errors import ModelError
from edgevoice.runtime.bundles.progress import Silent
from edgevoice.runtime.bundles.store import Store
from edgevoice_export import onnx_graph, record, safetensors, whisper_graph
from edgevoice_export.checkpoint import Checkpoint, open_checkpoint
from edgevoice_export.export import export
from edgevoice_export.probe import babble
from edgevoice_export.recipes import find
from edgevoice_export.sessions import open_session
from tests.export.checkpoints import (
    END,
    HEADS,
    LAYERS,
    MELS,
    VOCABULARY,
    WIDTH,
    tiny_whisper,
    whisper_weights,
)

pytestmark = pytest.mark.export

TARGETS = {
    "sherpa-onnx": {"encoder.onnx", "decoder.onnx", "tokens.txt"},
    "ctranslate2": {
        *("model.bin", "config.json", "vocabulary.json"),
        *("tokenizer.json", "preprocessor_config.json"),
    },
    "onnx": {
        *("encoder_model.onnx", "decoder_model_merged.onnx", "tokenizer.json"),
        *("config.json", "generation_config.json"),
    },
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return open_checkpoint(tiny_whisper(tmp_path_factory.mktemp("source") / "whisper-tiny"))


@pytest.fixture(scope="module")
def graphs(source: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the graphs for sherpa-onnx."""
    folder = tmp_path_factory.mktemp("graphs")
    find("whisper", "sherpa-onnx").build(source, folder, Silent())
    return folder


@pytest.mark.parametrize("target", TARGETS)
def test_a_bundle_is_true_to_its_source_and_hears(
    source: Checkpoint, tmp_path: Path, target: str
) -> None:
    made = export(source, target, tmp_path / "out", Silent())
    assert {file.name for file in made.files} == TARGETS[target] | {"made.json"}
    bundle = Store(tmp_path / "models").get(str(made.folder), Role.STT)
    assert isinstance(engines.load(bundle).transcribe(babble(), CancelScope()), str)
    lengths_and_offsets = {comparison["what"] for comparison in record.read(made.folder)["parity"]}
    assert len(lengths_and_offsets) >= 6
    assert bundle.languages == ("en",)


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_a_graph_with_other_weights_is_not_true(
    source: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    original = getattr(whisper_graph, side)

    def spoiled(weights: dict[str, Any], sizes: Any) -> Any:
        name = f"{side}.layers.1.fc2.bias"
        return original({**weights, name: weights[name] * 1.1}, sizes)

    monkeypatch.setattr(whisper_graph, side, spoiled)
    with pytest.raises(ModelError, match="not true to its source"):
        export(source, "sherpa-onnx", tmp_path / "out", Silent())
    assert not (tmp_path / "out").exists()


def test_the_encoder_says_what_sherpa_onnx_reads(graphs: Path) -> None:
    said = read_metadata(graphs / "encoder.onnx")
    assert (said["n_text_layer"], said["eot"], said["is_multilingual"]) == ("2", str(END), "0")


def step(decoder: Any, tokens: list[int], offset: int, frames: int = 300) -> Any:
    """Feed ``tokens`` behind a cache and a sound of noise."""
    rng = np.random.default_rng(2)
    head = WIDTH // HEADS
    return decoder.run(
        None,
        {
            "tokens": np.array([tokens]),
            "offset": np.array([offset]),
            "in_n_layer_self_k_cache": rng.random((LAYERS, 1, 64, WIDTH), np.float32),
            "in_n_layer_self_v_cache": rng.random((LAYERS, 1, 64, WIDTH), np.float32),
            "n_layer_cross_k": rng.random((LAYERS, HEADS, head, frames), np.float32),
            "n_layer_cross_v": rng.random((LAYERS, HEADS, frames, head), np.float32),
        },
    )


def test_of_the_first_cache_nothing_is_taken(graphs: Path) -> None:
    decoder = open_session(graphs / "decoder.onnx")
    _, keys, values = step(decoder, [END + 1, END + 8], offset=0)
    assert keys.shape == values.shape == (LAYERS, 1, 2, WIDTH)
    _, keys, _ = step(decoder, [5], offset=64 - 1)
    assert keys.shape == (LAYERS, 1, 64, WIDTH)


def test_tokens_are_suppressed_as_the_checkpoint_says(graphs: Path) -> None:
    decoder = open_session(graphs / "decoder.onnx")
    first, later = (step(decoder, [3], offset)[0][0, 0] for offset in (0, 3))
    assert len(first) == VOCABULARY
    assert np.flatnonzero(first < -1000).tolist() == [1, 2, 32, END, END + 1]
    assert np.flatnonzero(later < -1000).tolist() == [1, 2, END + 1]


@pytest.mark.parametrize("frames", [2, 98, 100, 102, 3000])
def test_sound_of_any_length_is_heard(graphs: Path, frames: int) -> None:
    encoder = open_session(graphs / "encoder.onnx")
    keys, values = encoder.run(None, {"mel": np.zeros((1, MELS, frames), np.float32)})
    assert keys.shape[-1] == values.shape[-2] == frames // 2


def test_a_short_window_ends_with_the_last_positions(source: Checkpoint, tmp_path: Path) -> None:
    """With no layers in between, the positions are what tells its frames apart."""
    recipe = find("whisper", "sherpa-onnx")
    found = []
    for changed in (slice(0, 0), slice(0, 10), slice(10, 1450), slice(1450, 1500)):
        weights = whisper_weights()
        positions = np.asarray(weights["model.encoder.embed_positions.weight"], np.float32)
        positions[changed] += np.arange(WIDTH)
        folder = tiny_whisper(tmp_path / "source")
        safetensors.write(folder / "model.safetensors", weights)
        (tmp_path / "out").mkdir(exist_ok=True)
        recipe.build(open_checkpoint(folder), tmp_path / "out", Silent())
        encoder = open_session(tmp_path / "out" / "encoder.onnx")
        # Ten frames of 20 ms before the last fifty.
        mel = np.zeros((1, MELS, 120), np.float32)
        found.append(encoder.run(None, {"mel": mel})[0])
    plain, *others = found
    differs = [not np.allclose(plain, other) for other in others]
    assert differs == [True, False, True]


def test_weights_too_large_for_one_file_lie_beside_it(
    source: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "EXTERNAL_BYTES", 1000)
    recipe = find("whisper", "sherpa-onnx")
    recipe.build(source, tmp_path, Silent())
    assert (tmp_path / "encoder.onnx.weights").is_file()
    assert (tmp_path / "encoder.onnx").stat().st_size < 50_000
    assert all(comparison.holds for comparison in recipe.compare(source, tmp_path, Silent()))


def test_graphs_are_valid_and_of_an_opset_that_old_runtimes_know(graphs: Path) -> None:
    for file in graphs.glob("*.onnx"):
        model = onnx.load(file)
        onnx.checker.check_model(model, full_check=True)
        assert [opset.version for opset in model.opset_import] == [17]


@pytest.mark.parametrize("target", TARGETS)
def test_a_missing_tokenizer_is_one_line(
    tmp_path: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tiny_whisper(tmp_path / "source")
    (folder / "tokenizer.json").unlink()
    output = tmp_path / "out"
    assert cli.main(["export", str(folder), "--to", target, "--output", str(output)]) == 1
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 2
    assert "has no tokenizer.json" in error[0]
    assert not output.exists()
