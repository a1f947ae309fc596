"""A recipe: which technique makes which file of a bundle smaller.

    name = "whisper-int8"
    role = "stt"
    engine = "whisper-onnx"
    summary = "MatMul in int8, per channel"

    [[step]]
    files = "*coder.onnx"
    technique = "onnx_int8_dynamic"
    options = { per_channel = true }

A file that several steps match goes through them in their order; files that none matches are
taken over as they are.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from edgevoice.core.bundle import Role
from edgevoice.errors import Misused
from edgevoice_quantize import techniques

BUILT_IN = Path(__file__).parent / "recipes"
"""Where the recipes are that come with the package, ``NAME.toml`` each."""

KEYS = {"name", "role", "engine", "summary", "step", "options"}
STEP_KEYS = {"files", "technique", "options", "becomes"}

PRECISIONS = (".f32", ".fp32", ".f16", ".fp16", ".bf16")
"""Ends of file names that tell a precision, which a smaller file no longer has."""


@dataclass(frozen=True, slots=True)
class Step:
    """One technique for the files that match a glob."""

    files: str
    technique: str
    options: Mapping[str, Any] = field(default_factory=dict)
    becomes: str = ""
    """The new name, where {stem} is the old without suffix and precision; "" keeps the name."""

    def new_name(self, name: str) -> str:
        """Return what the file ``name`` is called after this step."""
        stem = Path(name).stem
        for precision in PRECISIONS:
            stem = stem.removesuffix(precision)
        return self.becomes.replace("{stem}", stem) if self.becomes else name


@dataclass(frozen=True, slots=True)
class Recipe:
    """How bundles of one engine are made smaller."""

    name: str
    role: Role
    engine: str
    steps: tuple[Step, ...]
    summary: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the engine, for the manifest of the bundle that is made."""

    def steps_for(self, file: str) -> list[Step]:
        """Return the steps that ``file`` (its name in the source bundle) goes through."""
        return [step for step in self.steps if fnmatch(file, step.files)]

    def fingerprint(self) -> str:
        """Return a hash of all that decides about the files it makes; not of its name."""
        steps = [
            {**asdict(step), "options": techniques.complete(step.technique, step.options)}
            | {"version": techniques.find(step.technique).VERSION}
            for step in self.steps
        ]
        text = json.dumps([self.engine, steps, dict(self.options)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def load(name: str) -> Recipe:
    """Return the recipe called ``name``: a built-in one, or the path of a TOML file.

    Raises:
        Misused: there is none, or it is not a recipe; the line says what is wrong with it.
        BackendMissing: a package that one of its techniques needs is not installed.

    """
    path = Path(name).expanduser() if name.endswith(".toml") else BUILT_IN / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        known = ", ".join(built_in())
        raise Misused(f"There is no recipe {name}.", hint=f"one of {known}, or a file") from None
    except (OSError, ValueError) as error:
        raise Misused(f"The recipe {path} cannot be read: {error}") from error
    return parse(table, str(path))


def built_in(role: str = "*") -> list[str]:
    """Return the names of the recipes that come with the package, or those for one role."""
    return sorted(path.stem for path in BUILT_IN.glob(f"{role}-*.toml"))


def parse(table: Mapping[str, Any], where: str) -> Recipe:
    """Return the recipe that ``table`` describes; ``where`` names it in errors.

    Raises:
        Misused: something is missing, unknown or of the wrong type.

    """
    _known(table, KEYS, {"name", "role", "engine", "step"}, where)
    roles = [str(role) for role in Role]
    if table["role"] not in roles:
        raise Misused(f"{where}: there is no role {table['role']!r}.", hint=", ".join(roles))
    steps = table["step"]
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise Misused(f"{where}: steps are written as [[step]].")
    options = _table(table, where)
    return Recipe(
        name=str(table["name"]),
        role=Role(table["role"]),
        engine=str(table["engine"]),
        steps=tuple(_step(step, where) for step in steps),
        summary=str(table.get("summary", "")),
        options={str(key): str(value) for key, value in options.items()},
    )


def _step(table: Mapping[str, Any], where: str) -> Step:
    _known(table, STEP_KEYS, {"files", "technique"}, where)
    options = _table(table, where)
    step = Step(
        str(table["files"]), str(table["technique"]), options, str(table.get("becomes", ""))
    )
    techniques.complete(step.technique, step.options)
    return step


def _table(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    options = table.get("options", {})
    if not isinstance(options, dict):
        raise Misused(f"{where}: options are a table, not {options!r}.")
    return options


def _known(table: Mapping[str, Any], known: set[str], needed: set[str], where: str) -> None:
    for key in sorted(set(table) - known):
        raise Misused(f"{where}: a recipe has no key {key!r}.", hint=", ".join(sorted(known)))
    for key in sorted(needed - set(table)):
        raise Misused(f"{where}: {key!r} is missing.")
