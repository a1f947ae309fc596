import dataclasses
import json
import os
from pathlib import Path

import pytest

from edgevoice.core.bundle import Bundle, Role
from edgevoice.errors import EdgeVoiceError, Misused, ModelDamaged, ModelError, ModelMissing
from edgevoice.runtime.bundles import integrity, manifest
from edgevoice.runtime.bundles.store import Store


def install(store: Store, name: str = "mine", role: Role = Role.LLM) -> Bundle:
    """Put a small bundle into ``store`` by hand."""
    folder = store.folder(name)
    folder.mkdir(parents=True)
    (folder / "model.gguf").write_bytes(b"weights")
    (folder / "config.json").write_bytes(b"{}")
    files = tuple(map(integrity.describe, sorted(folder.iterdir())))
    bundle = Bundle(
        name,
        role,
        "gguf",
        folder,
        files,
        licence="MIT",
        source="a test",
        languages=("en", "de"),
        sample_rate=16_000,
        memory_mb=12.5,
        options={"template": "chatml"},
    )
    manifest.write(bundle)
    return bundle


def test_a_bundle_is_as_its_manifest_says(store: Store) -> None:
    assert install(store) == store.get("mine")


def test_the_default_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEVOICE_MODELS", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert Store().root == Path("/home/someone/.local/share/edgevoice/models")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert Store().root == Path("/data/edgevoice/models")
    monkeypatch.setenv("EDGEVOICE_MODELS", "~/models")
    assert Store().root == Path("/home/someone/models")
    assert Store(Path("/elsewhere")).root == Path("/elsewhere")


def test_a_known_bundle_that_is_not_here(store: Store) -> None:
    with pytest.raises(ModelMissing, match="Try: edgevoice pull smollm2-135m"):
        store.get("smollm2-135m")


def test_an_unknown_bundle_suggests_the_nearest(store: Store) -> None:
    with pytest.raises(Misused, match=r"no bundle 'moonshine-tiny'\.\n  Try: moonshine-tiny-en"):
        store.get("moonshine-tiny")


@pytest.mark.parametrize("name", ["../mine", "..", ".partial", "", "a b", "/etc", "mi\0ne"])
def test_no_name_leads_out_of_the_store(store: Store, name: str) -> None:
    install(store)
    with pytest.raises(ModelError):
        store.remove(name)
    assert store.names() == ["mine"]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda f: f.unlink(), "model.gguf of mine is damaged: the file is missing"),
        (lambda f: f.write_bytes(b"short"), "should have 7 bytes and has 5"),
        (lambda f: f.write_bytes(b"WEIGHTS"), "SHA-256 should begin with .* and begins with"),
    ],
    ids=["missing", "cut off", "swapped for one of the same size"],
)
def test_a_damaged_file_is_named_and_not_loaded(store: Store, harm, said: str) -> None:  # type: ignore[no-untyped-def]  # a lambda
    install(store)
    store.get("mine")
    harm(store.folder("mine") / "model.gguf")
    with pytest.raises(ModelDamaged, match=said) as damaged:
        store.get("mine")
    assert damaged.value.hint == "edgevoice pull mine"


def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by the name of each file that is hashed from now on."""
    names: list[str] = []
    sha256_of = integrity.sha256_of

    def note(path: Path) -> str:
        names.append(path.name)
        return sha256_of(path)

    monkeypatch.setattr(integrity, "sha256_of", note)
    return names


def test_a_file_is_hashed_once_and_again_when_it_changed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(store)
    names = hashed(monkeypatch)
    store.get("mine")
    store.get("mine")
    assert names == ["config.json", "model.gguf"]
    os.utime(store.folder("mine") / "model.gguf")
    store.get("mine")
    store.get("mine")
    assert names == ["config.json", "model.gguf", "model.gguf"]
    store.get("mine", every_byte=True)
    assert len(names) == 5


def test_a_swap_that_keeps_size_and_date_is_noticed(store: Store) -> None:
    """As a copy with ``cp -p`` does: only the change time and the inode tell."""
    install(store)
    store.get("mine")
    model = store.folder("mine") / "model.gguf"
    before = model.stat()
    other = model.with_name("other")
    other.write_bytes(b"WEIGHTS")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(model)
    with pytest.raises(ModelDamaged):
        store.get("mine")


@pytest.mark.parametrize("stamps", ["", "[]", "null", '{"model.gguf": 5}'])
def test_unreadable_stamps_only_cost_time(store: Store, stamps: str) -> None:
    bundle = install(store)
    (bundle.folder / integrity.STAMPS).write_text(stamps)
    assert store.get("mine") == bundle


def test_a_folder_that_cannot_be_written_to_is_hashed_every_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = install(store)
    (bundle.folder / f"{integrity.STAMPS}.new").mkdir()
    names = hashed(monkeypatch)
    store.get("mine")
    store.get("mine")
    assert len(names) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"name": "mine"}',
        '{"name": "mine", "role": "chef", "engine": "gguf", "files": []}',
        '{"name": "mine", "role": "llm", "engine": "gguf", "files": [{"name": "x"}]}',
        '{"name": "mine", "role": "llm", "engine": "gguf", "files": [], "options": 5}',
        '{"name": "mine", "role": "llm", "engine": "gguf", "files": '
        '[{"name": "../../secret", "sha256": "", "size_bytes": 1}]}',
        "\xff\xfe",
    ],
)
def test_a_manifest_that_makes_no_sense(store: Store, text: str) -> None:
    install(store)
    (store.folder("mine") / manifest.MANIFEST).write_text(text, "latin-1")
    with pytest.raises(ModelDamaged, match=r"bundle\.json of mine cannot be read"):
        store.get("mine")
    assert store.installed() == []
    assert store.names() == ["mine"]


def test_a_folder_without_a_manifest(store: Store) -> None:
    store.folder("mine").mkdir(parents=True)
    with pytest.raises(ModelMissing):
        store.get("mine")


def test_a_model_of_another_role_says_what_would_fit(store: Store) -> None:
    install(store, "talker", Role.LLM)
    install(store, "listener", Role.STT)
    with pytest.raises(ModelError, match="talker is a model for llm; one for stt is wanted") as e:
        store.get("talker", Role.STT)
    assert e.value.hint == "listener"
    with pytest.raises(ModelError) as e:
        store.get("talker", Role.TTS)
    assert e.value.hint == "edgevoice list --role tts"
    assert store.get("talker", Role.LLM).name == "talker"


def test_a_path_to_a_bundle_is_as_good_as_a_name(store: Store, tmp_path: Path) -> None:
    bundle = install(Store(tmp_path / "elsewhere"))
    assert store.get(str(bundle.folder)) == bundle
    (bundle.folder / "model.gguf").write_bytes(b"WEIGHTS")
    with pytest.raises(ModelDamaged):
        store.get(str(bundle.folder))


def test_a_path_to_a_model_is_taken_as_it_is(store: Store, tmp_path: Path) -> None:
    (tmp_path / "My Model.gguf").write_bytes(b"weights")
    bundle = store.get(str(tmp_path / "My Model.gguf"), Role.LLM)
    assert (bundle.name, bundle.engine, bundle.role) == ("my-model", "gguf", Role.LLM)
    assert bundle.path(bundle.files[0].name).read_bytes() == b"weights"
    assert [p.name for p in tmp_path.iterdir()] == ["My Model.gguf"]
    with pytest.raises(ModelError, match="one for stt is wanted"):
        store.get(str(tmp_path / "My Model.gguf"), Role.STT)


def test_a_path_to_nothing(store: Store) -> None:
    with pytest.raises(ModelError, match="There is nothing at /nowhere/at all"):
        store.get("/nowhere/at all")


def test_removing_gives_back_the_room(store: Store) -> None:
    bundle = install(store)
    size = sum(file.stat().st_size for file in bundle.folder.iterdir())
    assert store.remove("mine") == size
    assert store.names() == []
    assert list(store.partial.iterdir()) == []


def test_removing_what_is_not_here(store: Store) -> None:
    with pytest.raises(ModelMissing):
        store.remove("silero-vad")
    with pytest.raises(Misused):
        store.remove("nothing")
    assert not store.root.exists()


def test_installed_lists_what_is_readable(store: Store) -> None:
    assert store.installed() == []
    bundles = [install(store, "b"), install(store, "a")]
    assert store.installed() == bundles[::-1]


def test_a_manifest_from_a_newer_version_keeps_its_meaning(store: Store) -> None:
    bundle = install(store)
    path = bundle.folder / manifest.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": "blue"}))
    assert store.get("mine") == bundle


def test_every_error_is_fit_to_print(store: Store) -> None:
    install(store)
    for name in ("silero-vad", "nothing", "/nowhere"):
        with pytest.raises(EdgeVoiceError) as error:
            store.get(name)
        assert "Try: " in str(error.value)


def test_bundles_are_values(store: Store) -> None:
    bundle = install(store)
    assert dataclasses.replace(bundle, name="other") != bundle
