from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgevoice.errors import EdgeVoiceError, ModelDamaged, ModelError
from edgevoice.runtime.bundles.progress import Silent
from edgevoice_export import safetensors
from edgevoice_export.checkpoint import open_checkpoint
from tests.export.checkpoints import tiny_whisper, whisper_weights, write_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_whisper(tmp_path / "whisper-tiny")


def shard(folder: Path) -> None:
    """Split the weights of the checkpoint into two shards."""
    weights = whisper_weights()
    names = sorted(weights)
    placed: dict[str, str] = {}
    for number, part in enumerate((names[: len(names) // 2], names[len(names) // 2 :]), 1):
        file = f"model-0000{number}-of-00002.safetensors"
        safetensors.write(folder / file, {name: weights[name] for name in part})
        placed |= dict.fromkeys(part, file)
    write_json(folder, "model.safetensors.index.json", {"weight_map": placed})
    (folder / "model.safetensors").unlink()


def test_a_checkpoint_tells_what_it_is_without_being_loaded(folder: Path) -> None:
    checkpoint = open_checkpoint(folder)
    assert checkpoint.architecture == "whisper"
    assert checkpoint.name == "whisper-tiny"
    assert checkpoint.weight_bytes == 4 * checkpoint.values
    assert checkpoint.licence == "unknown"


def test_shards_are_one_checkpoint(folder: Path) -> None:
    whole = open_checkpoint(folder)
    shard(folder)
    sharded = open_checkpoint(folder)
    assert sharded.tensors.keys() == whole.tensors.keys()
    name = "model.encoder.conv1.weight"
    np.testing.assert_array_equal(sharded.weight(name), whisper_weights()[name])


def test_the_model_card_tells_licence_source_and_languages(folder: Path) -> None:
    card = "---\nlicense: mit\nlanguage:\n- en\n- de\nbase_model: org/parent\n---\nlicense: no\n"
    (folder / "README.md").write_text(card)
    checkpoint = open_checkpoint(folder)
    assert (checkpoint.licence, checkpoint.source) == ("mit", "org/parent")
    assert checkpoint.languages == ("en", "de")


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def truncate(name: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:-100])

    return cut


def break_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def only_pickles(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def nameless(folder: Path) -> None:
    write_json(folder, "config.json", {"d_model": 16})


def lost_shard(folder: Path) -> None:
    shard(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()


def cut_shard(folder: Path) -> None:
    shard(folder)
    truncate("model-00002-of-00002.safetensors")(folder)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (remove("config.json"), "no Hugging Face checkpoint"),
        (break_json, "config.json cannot be read"),
        (nameless, "model_type"),
        (remove("model.safetensors"), "no weights"),
        (truncate("model.safetensors"), "model.safetensors is cut short"),
        (only_pickles, "pytorch_model.bin"),
        (lost_shard, "1 of 2 shards are missing.*model-00002-of-00002.safetensors"),
        (cut_shard, "model-00002-of-00002.safetensors is cut short"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    folder: Path, damage: Callable[[Path], None], says: str
) -> None:
    damage(folder)
    with pytest.raises(EdgeVoiceError, match=says) as caught:
        open_checkpoint(folder)
    assert "\n" not in caught.value.problem
    assert caught.value.hint


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        open_checkpoint(tmp_path / "nowhere")


def test_weights_that_are_no_numbers_are_named(folder: Path) -> None:
    weights = whisper_weights()
    weights["model.encoder.conv2.bias"][3] = np.nan
    safetensors.write(folder / "model.safetensors", weights)
    with pytest.raises(ModelDamaged, match=r"1 of 16 weights in model\.encoder\.conv2\.bias"):
        open_checkpoint(folder).check_finite(Silent())


def test_whole_weights_pass(folder: Path) -> None:
    open_checkpoint(folder).check_finite(Silent())


def test_a_weight_that_the_config_promises_and_the_file_lacks(folder: Path) -> None:
    with pytest.raises(ModelDamaged, match="describes another model"):
        open_checkpoint(folder).weight("model.encoder.conv9.weight")


def test_a_file_that_a_recipe_needs(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"has no tokenizer\.json"):
        open_checkpoint(folder).needs("config.json", "tokenizer.json")


def test_files_are_hashed_for_the_record(folder: Path) -> None:
    files = open_checkpoint(folder).files()
    assert {file.name for file in files} >= {"config.json", "model.safetensors", "tokenizer.json"}
    assert all(len(file.sha256) == 64 for file in files)


def test_json_that_is_not_there_is_empty_when_optional(folder: Path) -> None:
    assert open_checkpoint(folder).optional_json("no.json") == {}
    assert open_checkpoint(folder).json("config.json") == json.loads(
        (folder / "config.json").read_text()
    )
