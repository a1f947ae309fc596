"""Checkpoints from a hub: a small one of our own, asked through huggingface_hub.

Its address is read from the environment when huggingface_hub is imported, so each test
asks in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.export.checkpoints import tiny_whisper
from tests.runtime.bundles.site import COMMIT, Page, Site, open_site

ASK = """
import sys
from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime.bundles.progress import Silent
from edgevoice_export.locate import locate
try:
    source = locate(sys.argv[1], Silent())
except EdgeVoiceError as error:
    sys.exit(error.problem)
print(source.architecture, source.licence, *sorted(file.name for file in source.files()))
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with open_site() as opened:
        yield opened


def ask(name: str, url: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment |= {"HF_ENDPOINT": url, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1,localhost"}
    return subprocess.run(
        [sys.executable, "-c", ASK, name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def storage() -> Iterator[Site]:
    """Another host, on which the hub keeps large files."""
    with open_site() as opened:
        yield opened


def offer(site: Site, storage: Site, repo: str, files: dict[str, bytes]) -> None:
    """Offer a repository, and the list of its files that huggingface_hub 2 asks for."""
    site.repository(repo, files, storage=storage.url)
    for stored in [path for path in site.pages if path.startswith("/storage/")]:
        storage.pages[stored] = site.pages.pop(stored)
    listed = [
        {"type": "file", "path": path, "size": len(body), "oid": sha256(body).hexdigest()[:40]}
        for path, body in files.items()
    ]
    page = Page(json.dumps(listed).encode(), headers={"Content-Type": "application/json"})
    site.pages[f"/api/models/{repo}/tree/{COMMIT}"] = page


@pytest.mark.parametrize("name", ["org/listener", "hf:org/listener"])
def test_a_checkpoint_of_the_hub_is_brought_without_its_other_formats(
    site: Site, storage: Site, tmp_path: Path, name: str
) -> None:
    folder = tiny_whisper(tmp_path / "source")
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    card = b"---\nlicense: mit\n---\n"
    offer(site, storage, "org/listener", files | {"README.md": card, "flax_model.msgpack": b"x"})
    asked = ask(name, site.url, tmp_path / "home")
    assert asked.returncode == 0, asked.stderr
    architecture, licence, *names = asked.stdout.split()
    assert (architecture, licence) == ("whisper", "mit")
    assert names == sorted(files)
    assert not list((tmp_path / "home").rglob("*.msgpack"))


def test_a_checkpoint_that_the_hub_lacks_is_said_in_one_line(site: Site, tmp_path: Path) -> None:
    asked = ask("org/nothing", site.url, tmp_path / "home")
    assert asked.returncode == 1
    assert asked.stderr.startswith("org/nothing could not be fetched from the hub: ")
    assert len(asked.stderr.splitlines()) == 1


def test_a_hub_that_is_out_of_reach_is_said_in_one_line(tmp_path: Path) -> None:
    asked = ask("org/listener", "http://127.0.0.1:9", tmp_path / "home")
    assert asked.returncode == 1
    assert asked.stderr.startswith("org/listener could not be fetched from the hub: ")
    assert len(asked.stderr.splitlines()) == 1
