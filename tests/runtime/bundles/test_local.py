"""Bundles out of a folder or file that is here already."""

import json
from pathlib import Path

import pytest

from edgevoice.backends.engines import ENGINES
from edgevoice.core.bundle import Role
from edgevoice.errors import DownloadFailed, EdgeVoiceError, Misused, ModelDamaged, ModelError
from edgevoice.runtime.bundles import manifest
from edgevoice.runtime.bundles.kinds import KINDS, recognize
from edgevoice.runtime.bundles.progress import Silent
from edgevoice.runtime.bundles.pull import pull_own
from edgevoice.runtime.bundles.store import Store
from tests.runtime.bundles.test_store import install

VOICE = {"audio": {"sample_rate": 16_000}, "espeak": {"voice": "en-us"}}


def lay_out(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    return folder


def test_a_file_is_copied(store: Store, tmp_path: Path) -> None:
    lay_out(tmp_path, {"Talker.gguf": b"weights"})
    bundle = pull_own(str(tmp_path / "Talker.gguf"), store, Silent())
    assert (bundle.name, bundle.role, bundle.engine) == ("talker", Role.LLM, "gguf")
    (tmp_path / "Talker.gguf").write_bytes(b"changed")
    assert store.get("talker").path("Talker.gguf").read_bytes() == b"weights"


def test_a_folder_is_copied_under_the_name_it_is_given(store: Store, tmp_path: Path) -> None:
    files = {
        "model.bin": b"w",
        "config.json": b"{}",
        "tokenizer.json": b"[]",
        "vocabulary.txt": b"",
    }
    folder = lay_out(tmp_path / "x", files | {"notes.txt": b"not needed"})
    bundle = pull_own(str(folder), store, Silent(), name="mine")
    assert bundle == store.get("mine", Role.STT)
    assert bundle.engine == "whisper-ct2"
    assert {file.name for file in bundle.files} == set(files)
    assert not bundle.path("notes.txt").exists()


def test_a_voice_brings_its_description(store: Store, tmp_path: Path) -> None:
    folder = lay_out(
        tmp_path / "x", {"joe.onnx": b"w", "joe.onnx.json": json.dumps(VOICE).encode()}
    )
    bundle = pull_own(str(folder / "joe.onnx"), store, Silent())
    assert (bundle.engine, bundle.sample_rate, bundle.languages) == ("piper", 16_000, ("en",))
    assert store.get("joe") == bundle


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"audio": 5}'])
def test_a_voice_that_is_described_badly(store: Store, tmp_path: Path, text: bytes) -> None:
    folder = lay_out(tmp_path / "x", {"joe.onnx": b"w", "joe.onnx.json": text})
    with pytest.raises(Misused, match=r"joe\.onnx\.json does not describe a Piper voice"):
        pull_own(str(folder), store, Silent())


def test_a_bundle_keeps_all_that_its_manifest_says(store: Store, tmp_path: Path) -> None:
    made = install(Store(tmp_path / "made"))
    bundle = pull_own(str(made.folder), store, Silent())
    assert bundle.memory_mb == 12.5
    assert bundle.options == {"template": "chatml"}
    assert bundle.files == made.files


def test_a_bundle_that_is_damaged_is_not_taken(store: Store, tmp_path: Path) -> None:
    made = install(Store(tmp_path / "made"))
    made.path("model.gguf").write_bytes(b"WEIGHTS")
    with pytest.raises(ModelDamaged, match=r"model\.gguf of mine"):
        pull_own(str(made.folder), store, Silent())
    assert store.names() == []


def test_a_bundle_that_lacks_a_file_is_not_taken(store: Store, tmp_path: Path) -> None:
    made = install(Store(tmp_path / "made"))
    made.path("model.gguf").unlink()
    with pytest.raises(EdgeVoiceError, match=r"model\.gguf"):
        pull_own(str(made.folder), store, Silent())


def test_pulling_again_takes_the_newer_file(store: Store, tmp_path: Path) -> None:
    file = lay_out(tmp_path, {"talker.gguf": b"old"}) / "talker.gguf"
    pull_own(str(file), store, Silent())
    file.write_bytes(b"new")
    pull_own(str(file), store, Silent())
    assert store.get("talker").path("talker.gguf").read_bytes() == b"new"


def test_a_name_of_the_catalogue_is_not_taken(store: Store, tmp_path: Path) -> None:
    file = lay_out(tmp_path, {"silero-vad.gguf": b"x"}) / "silero-vad.gguf"
    with pytest.raises(Misused, match="silero-vad is a bundle of the catalogue"):
        pull_own(str(file), store, Silent())


@pytest.mark.parametrize("name", ["../x", "a/b", ".partial"])
def test_a_name_that_leads_out_of_the_store(store: Store, tmp_path: Path, name: str) -> None:
    file = lay_out(tmp_path, {"talker.gguf": b"x"}) / "talker.gguf"
    with pytest.raises(ModelError, match="cannot be the name of a bundle"):
        pull_own(str(file), store, Silent(), name=name)


def test_nothing_there(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is nothing at"):
        pull_own(str(tmp_path / "nothing"), store, Silent())


def test_a_path_that_is_too_long(store: Store) -> None:
    with pytest.raises(ModelError, match="File name too long"):
        pull_own("/" + "x" * 5000, store, Silent())
    with pytest.raises(EdgeVoiceError):
        store.get("x" * 5000)


def test_a_folder_without_a_model(store: Store, tmp_path: Path) -> None:
    with pytest.raises(Misused, match="has not the files of a model"):
        pull_own(str(lay_out(tmp_path / "x", {"readme": b""})), store, Silent())


def test_a_file_in_the_way_of_the_store(tmp_path: Path) -> None:
    file = lay_out(tmp_path, {"talker.gguf": b"x", "models": b"a file"}) / "talker.gguf"
    with pytest.raises(DownloadFailed, match=r"models.*: (Not a directory|File exists)"):
        pull_own(str(file), Store(tmp_path / "models"), Silent())


def test_a_relative_name_without_a_slash_is_a_path_when_it_is_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path / "folder", {"talker.gguf": b"x"})
    lay_out(tmp_path / "silero-vad", {"talker.gguf": b"x"})
    assert store.get("folder").engine == "gguf"
    with pytest.raises(ModelError, match="silero-vad is not on this device"):
        store.get("silero-vad")


@pytest.mark.parametrize(
    ("names", "engine", "chosen"),
    [
        (["m.gguf"], "gguf", ["m.gguf"]),
        (["model.bin", "config.json", "tokenizer.json"], "whisper-ct2", None),
        (["encoder_model.ort", "decoder_model_merged.ort", "tokens.txt"], "moonshine", None),
        (["b-encoder.onnx", "b-decoder.onnx", "b-tokens.txt"], "whisper-onnx", None),
        (
            ["b-encoder.onnx", "b-encoder.int8.onnx", "b-decoder.int8.onnx", "b-tokens.txt"],
            "whisper-onnx",
            ["b-encoder.int8.onnx", "b-decoder.int8.onnx", "b-tokens.txt"],
        ),
        (["smart-turn-v3.2-cpu.onnx"], "smart-turn", None),
        (["silero_vad.onnx"], "silero", None),
        (["hibari.onnx"], "hibari", None),
        (["joe.onnx", "joe.onnx.json"], "piper", None),
    ],
)
def test_engines_are_told_from_names(
    names: list[str], engine: str, chosen: list[str] | None
) -> None:
    kind, files = recognize(names, where="here")
    assert kind.engine == engine
    assert sorted(files) == sorted(chosen or names)


def test_a_split_model_is_one_model() -> None:
    names = [f"big-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    assert recognize(names, where="here")[1] == names
    with pytest.raises(Misused, match="here has 2 of the 3 parts of a model"):
        recognize(names[:2], where="here")
    with pytest.raises(Misused, match="Several files"):
        recognize([*names, "other-00001-of-00001.gguf"], where="here")


def test_a_user_may_say_what_a_file_is() -> None:
    kind, files = recognize(["odd.onnx", "odd.onnx.json"], where="here", engine="piper")
    assert (kind.engine, files) == ("piper", ["odd.onnx", "odd.onnx.json"])
    with pytest.raises(Misused, match="There is no engine llm/piper"):
        recognize(["odd.onnx"], where="here", role="llm", engine="piper")
    with pytest.raises(Misused, match="not the files of a model"):
        recognize(["odd.onnx"], where="here", role="vad")


def test_each_engine_is_known_once() -> None:
    assert {kind.engine for kind in KINDS} == ENGINES.keys() - {"openai"}
    assert len({kind.engine for kind in KINDS}) == len(KINDS)
    assert manifest.MANIFEST not in {p for kind in KINDS for ps in kind.needs for p in ps}
