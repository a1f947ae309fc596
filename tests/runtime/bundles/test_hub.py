"""Bundles from a hub: a small one of our own, asked through huggingface_hub.

Its address is read from the environment when huggingface_hub is imported, so each test
runs ``edgevoice pull`` in a process of its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from edgevoice.core.bundle import ModelFile, Role
from edgevoice.runtime.bundles import hub
from edgevoice.runtime.bundles.catalogue import Recipe
from edgevoice.runtime.bundles.store import Store
from tests.runtime.bundles.child import edgevoice
from tests.runtime.bundles.conftest import WEIGHTS
from tests.runtime.bundles.site import COMMIT, Page, Site, open_site

REPO = "org/talker"
GGUF = f"/storage/{sha256(WEIGHTS).hexdigest()}"


@pytest.fixture(autouse=True)
def _use_the_small_hub(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", site.url)


@pytest.fixture
def storage() -> Iterator[Site]:
    """Another host, on which the hub keeps large files."""
    with open_site() as opened:
        yield opened


def test_a_file_of_the_hub_becomes_a_bundle(site: Site, store: Store) -> None:
    site.repository(REPO, {"talker.Q4.gguf": WEIGHTS, "README.md": b"hello"})
    status, said = edgevoice("pull", f"hf:{REPO}/talker.Q4.gguf", models=store.root)
    assert status == 0, said
    bundle = store.get("talker.q4")
    assert bundle.path("talker.Q4.gguf").read_bytes() == WEIGHTS
    assert (bundle.role, bundle.engine) == (Role.LLM, "gguf")
    assert (bundle.licence, bundle.languages) == ("mit", ("en", "de"))
    assert bundle.source == f"hf:{REPO}/talker.Q4.gguf"
    assert bundle.files[0] == ModelFile("talker.Q4.gguf", sha256(WEIGHTS).hexdigest(), len(WEIGHTS))


def test_a_repository_becomes_a_bundle(site: Site, store: Store) -> None:
    files = {"model.bin": WEIGHTS, "config.json": b"{}", "tokenizer.json": b"[]", "a.txt": b"no"}
    site.repository("org/Listener", files)
    status, said = edgevoice("pull", "hf:org/Listener", models=store.root)
    assert status == 0, said
    bundle = store.get("listener")
    assert bundle.engine == "whisper-ct2"
    assert {f.name for f in bundle.files} == {"model.bin", "config.json", "tokenizer.json"}
    assert all(len(file.sha256) == 64 for file in bundle.files)


def test_a_voice_in_a_folder_brings_its_description(site: Site, store: Store) -> None:
    described = {"audio": {"sample_rate": 16_000}, "language": {"family": "cy"}}
    voice = {
        "cy/v/low.onnx": WEIGHTS,
        "cy/v/low.onnx.json": json.dumps(described).encode(),
        "cy/w/high.onnx": WEIGHTS[::-1],
    }
    site.repository("org/voices", voice)
    status, said = edgevoice(
        "pull", "hf:org/voices/cy/v/low.onnx", "--name", "welsh", "--role", "tts", models=store.root
    )
    assert status == 0, said
    bundle = store.get("welsh", Role.TTS)
    assert (bundle.engine, bundle.sample_rate, bundle.languages) == ("piper", 16_000, ("cy",))


def test_several_models_in_one_place_must_be_told_apart(site: Site, store: Store) -> None:
    site.repository(REPO, {"q4.gguf": WEIGHTS, "q8.gguf": WEIGHTS})
    status, said = edgevoice("pull", f"hf:{REPO}", models=store.root)
    assert status == 2
    assert f"Several files of hf:{REPO} could be meant: q4.gguf, q8.gguf." in said


def test_a_repository_without_a_model(site: Site, store: Store) -> None:
    site.repository(REPO, {"README.md": b"hello"})
    status, said = edgevoice("pull", f"hf:{REPO}", "--engine", "gguf", models=store.root)
    assert (status, "has not the files of a model" in said) == (2, True)
    assert "gguf: *.gguf" in said


def test_a_connection_that_breaks_is_resumed(site: Site, store: Store) -> None:
    site.repository(REPO, {"t.gguf": WEIGHTS})
    site.pages[GGUF].cuts = [300_000, 200_000]
    status, said = edgevoice("pull", f"hf:{REPO}/t.gguf", models=store.root)
    assert status == 0, said
    assert site.offsets(GGUF) == [0, 300_000, 500_000]
    assert store.get("t").path("t.gguf").read_bytes() == WEIGHTS


def test_another_process_goes_on_where_one_stopped(site: Site, store: Store) -> None:
    site.repository(REPO, {"t.gguf": WEIGHTS})
    site.pages[GGUF].cuts = [300_000, 0, 0, 0, 0]
    status, said = edgevoice("pull", f"hf:{REPO}/t.gguf", models=store.root)
    assert (status, "the connection ended early" in said) == (1, True)
    site.requests.clear()
    status, said = edgevoice("pull", f"hf:{REPO}/t.gguf", models=store.root)
    assert status == 0, said
    assert site.offsets(GGUF) == [300_000]


def test_a_wrong_hash_is_named_and_nothing_is_installed(site: Site, store: Store) -> None:
    site.repository(REPO, {"t.gguf": WEIGHTS})
    site.pages[GGUF].body = WEIGHTS[::-1]
    status, said = edgevoice("pull", f"hf:{REPO}/t.gguf", models=store.root)
    assert (status, "t.gguf of t is damaged: its SHA-256" in said) == (1, True)
    assert store.names() == []


def test_what_the_hub_does_not_have(site: Site, store: Store) -> None:
    status, said = edgevoice("pull", "hf:org/nothing", models=store.root)
    assert (status, "The hub has no org/nothing at main" in said) == (1, True)


def test_a_file_that_goes_away(site: Site, store: Store) -> None:
    site.repository(REPO, {"t.gguf": WEIGHTS})
    del site.pages[f"/{REPO}/resolve/{COMMIT}/t.gguf"]
    status, said = edgevoice("pull", f"hf:{REPO}/t.gguf", models=store.root)
    assert (status, f"The hub has no {REPO}/t.gguf at {COMMIT}" in said) == (1, True), said


@pytest.mark.parametrize("name", ["hf:", "hf:org", "hf:org/", "hf:/x/y", "hf:a b/c d"])
def test_names_that_are_none(store: Store, name: str) -> None:
    status, said = edgevoice("pull", name, models=store.root)
    assert (status, "names nothing on the hub" in said) == (2, True), said


def test_a_private_repository_asks_for_a_login(site: Site, store: Store) -> None:
    site.repository(REPO, {"t.gguf": WEIGHTS}, password="Bearer hf_secret")
    status, said = edgevoice("pull", f"hf:{REPO}/t.gguf", models=store.root)
    assert (status, "hf auth login" in said) == (1, True), said


def test_a_token_is_for_the_hub_and_not_for_its_storage(
    site: Site, store: Store, storage: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.repository(REPO, {"t.gguf": WEIGHTS}, password="Bearer hf_secret", storage=storage.url)
    storage.pages[GGUF] = Page(WEIGHTS)
    home = Path(os.environ["HF_HOME"])
    home.mkdir()
    (home / "token").write_text("hf_secret")
    status, said = edgevoice("pull", f"hf:{REPO}/t.gguf", models=store.root)
    assert status == 0, said
    assert [request.authorization for request in storage.requests] == [""]


def test_no_hub(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    status, said = edgevoice("pull", f"hf:{REPO}/t.gguf", models=store.root)
    assert (status, f"The hub could not be asked for {REPO}" in said) == (1, True), said
    assert "Try: " in said


def test_offline_by_the_user_s_wish(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    status, said = edgevoice("pull", f"hf:{REPO}/t.gguf", models=store.root)
    assert (status, site.requests) == (1, [])
    assert "HF_HUB_OFFLINE" in said


KNOWN = {
    "known": Recipe(
        name="known",
        title="Known",
        role=Role.LLM,
        engine="gguf",
        licence="MIT",
        source="a test",
        files=(ModelFile("t.gguf", sha256(WEIGHTS).hexdigest(), len(WEIGHTS)),),
        hub={"t.gguf": f"{REPO}/t.gguf"},
    )
}


def test_a_bundle_of_the_catalogue_comes_from_the_hub(site: Site, store: Store) -> None:
    site.repository(REPO, {"t.gguf": WEIGHTS})
    status, said = edgevoice("pull", "known", "--from", "hub", known=KNOWN, models=store.root)
    assert status == 0, said
    assert store.get("known").path("t.gguf").read_bytes() == WEIGHTS


def test_the_hub_s_file_must_be_the_catalogue_s(site: Site, store: Store) -> None:
    site.repository(REPO, {"t.gguf": WEIGHTS[::-1]})
    status, said = edgevoice("pull", "known", "--from", "hub", known=KNOWN, models=store.root)
    assert (status, "t.gguf of known is damaged: its SHA-256" in said) == (1, True)


def test_a_bundle_that_is_not_on_the_hub(store: Store) -> None:
    status, said = edgevoice("pull", "silero-vad", "--from", "hub", models=store.root)
    assert (status, "names no place on the hub for silero-vad" in said) == (2, True)


def test_a_name_of_the_catalogue_is_not_taken(site: Site, store: Store) -> None:
    site.repository(REPO, {"t.gguf": WEIGHTS})
    status, said = edgevoice("pull", f"hf:{REPO}/t.gguf", "--name", "silero-vad", models=store.root)
    assert (status, "silero-vad is a bundle of the catalogue" in said) == (2, True)


def test_a_file_in_the_hub_s_cache_is_not_downloaded(
    site: Site, store: Store, storage: Site
) -> None:
    """Another program fetched it: it lies under HF_HOME, once, and stays there."""
    site.repository(REPO, {"t.gguf": WEIGHTS}, storage=storage.url)
    storage.pages[GGUF] = Page(WEIGHTS)
    fetch = f"from huggingface_hub import hf_hub_download as f; f({REPO!r}, 't.gguf')"
    subprocess.run([sys.executable, "-c", fetch], check=True, capture_output=True, timeout=60)
    storage.requests.clear()
    status, said = edgevoice("pull", f"hf:{REPO}/t.gguf", models=store.root)
    assert status == 0, said
    assert storage.requests == []
    (blob,) = Path(os.environ["HF_HOME"]).glob("hub/models--*/blobs/*")
    assert blob.samefile(store.get("t").path("t.gguf"))


def test_without_huggingface_hub(store: Store) -> None:
    absent = "import sys; sys.modules['huggingface_hub'] = None\n"
    status, said = edgevoice("pull", "hf:org/x", models=store.root, before=absent)
    assert (status, said.splitlines()) == (
        1,
        [
            "edgevoice pull: The Python package 'huggingface_hub' is not installed.",
            "  Try: pip install 'edgevoice[hub]'",
        ],
    )


def test_a_repository_with_terms(site: Site, store: Store) -> None:
    site.repository(REPO, {"t.gguf": WEIGHTS})
    gate = Page(b"", 403, {"X-Error-Code": "GatedRepo"})
    site.pages[f"/api/models/{REPO}/revision/main"] = gate
    status, said = edgevoice("pull", f"hf:{REPO}/t.gguf", models=store.root)
    assert (status, "only to those who accepted its terms" in said) == (1, True), said


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("hf:org/repo", hub.Place("org/repo", "")),
        ("hf:org/repo/", hub.Place("org/repo", "")),
        ("hf:org/repo/a/b.gguf", hub.Place("org/repo", "a/b.gguf")),
        ("org/repo@v1.0/b.gguf", hub.Place("org/repo", "b.gguf", "v1.0")),
    ],
)
def test_places(text: str, place: hub.Place) -> None:
    assert hub.parse(text) == place
