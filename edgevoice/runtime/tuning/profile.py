"""The profile of this device: what ``edgevoice tune`` measured here, in one file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from edgevoice.core.bundle import Bundle
from edgevoice.core.rung import Speed
from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime.machine import HERE, processor

VERSION = 1
"""Raised when figures of an earlier kind must not be mixed with these."""

AGAIN = "edgevoice tune"


class ProfileUnusable(EdgeVoiceError):
    """There is a profile, and it says nothing of this device as it is now."""


@dataclass(frozen=True, slots=True)
class Timed:
    """What a model did on some number of threads.

    Attributes:
        threads: that it had.
        read_tps: tokens a second that an LLM read of a prompt.
        write_tps: tokens a second that it wrote.
        rtf: seconds of work for a second of audio, of STT and TTS.
        first_s: wait for a reply's first words with the prompt read before, for a voice's first
            sound, or for the transcript of a sentence.
        spread: how far the slowest round was from the fastest, as a share of the median.

    """

    threads: int
    read_tps: float = 0.0
    write_tps: float = 0.0
    rtf: float = 0.0
    first_s: float = 0.0
    spread: float = 0.0

    @property
    def speed(self) -> Speed:
        """As a plan takes it."""
        return Speed(self.read_tps, self.write_tps, self.rtf, self.threads)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one bundle.

    Attributes:
        role: what it does.
        identity: changes with its files.
        timed: by the number of threads, rising.
        load_s: time that loading took.
        loaded_mb: proportional set size that loading added.
        working_mb: what its work then added: scratch memory, and ONNX Runtime's arena, which
            keeps what it once had.

    """

    role: str
    identity: str
    timed: tuple[Timed, ...]
    load_s: float = 0.0
    loaded_mb: float = 0.0
    working_mb: float = 0.0

    @property
    def memory_mb(self) -> float:
        """All that it takes."""
        return self.loaded_mb + self.working_mb

    @property
    def speed(self) -> Speed:
        """As a plan takes it: on one thread, and what was measured on more."""
        first, *others = (timed.speed for timed in self.timed)
        return replace(first, others=tuple(others))


@dataclass(frozen=True, slots=True)
class Profile:
    """Entries by name of the bundle, and the machine on which they were measured."""

    machine: str
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def of(self, bundles: Iterable[Bundle]) -> dict[str, Entry]:
        """Return the entries of those ``bundles`` whose files are still the ones measured."""
        return {
            bundle.name: entry
            for bundle in bundles
            if (entry := self.entries.get(bundle.name)) and entry.identity == identity(bundle)
        }

    def with_entry(self, name: str, entry: Entry) -> Profile:
        """Return the profile with ``entry`` for the bundle ``name``."""
        return replace(self, entries={**self.entries, name: entry})


def place() -> Path:
    """Return where the profile lies: the XDG data folder's ``edgevoice/device.json``."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data).expanduser() / "edgevoice" / "device.json"


def machine_name(root: Path = HERE) -> str:
    """Return what tells this machine from another: its processor, and the cores we may use."""
    known = processor(root)
    return f"{known.name}, {known.cores} core{'s' if known.cores > 1 else ''}"


def identity(bundle: Bundle) -> str:
    """Return what changes with the bundle's files or options."""
    parts = [f"{file.name} {file.size_bytes} {file.sha256}" for file in bundle.files]
    parts += [bundle.engine, *(f"{key}={value}" for key, value in sorted(bundle.options.items()))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def read(path: Path | None = None, *, root: Path = HERE) -> Profile:
    """Return the profile; an empty one when none was made yet.

    Raises:
        ProfileUnusable: it is damaged, of an older kind, or of another machine.

    """
    path, machine = path or place(), machine_name(root)
    try:
        table = json.loads(path.read_text("utf-8"))
        version, measured_on = table["version"], str(table["machine"])
        if version != VERSION:
            problem = f"{path} is of another version of edgevoice, and is ignored."
            raise ProfileUnusable(problem, hint=AGAIN)
        if measured_on != machine:
            problem = f"{path} was measured on {measured_on}, not here, and is ignored."
            raise ProfileUnusable(problem, hint=AGAIN)
        entries = {str(name): _entry(entry) for name, entry in table["bundles"].items()}
    except FileNotFoundError:
        return Profile(machine)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"{path} is damaged ({type(error).__name__}), and is ignored."
        raise ProfileUnusable(problem, hint=AGAIN) from error
    return Profile(machine, entries)


def measured(
    bundles: Iterable[Bundle], path: Path | None = None, *, root: Path = HERE
) -> tuple[dict[str, Entry], str]:
    """Return what is known of ``bundles`` here, and what to say of a profile that is no use."""
    try:
        return read(path, root=root).of(bundles), ""
    except ProfileUnusable as problem:
        return {}, str(problem)


def write(profile: Profile, path: Path | None = None) -> Path:
    """Write the profile, whole or not at all, and return where it lies.

    Raises:
        EdgeVoiceError: it could not be written.

    """
    path = path or place()
    entries = {name: asdict(entry) for name, entry in profile.entries.items()}
    table = {"version": VERSION, "machine": profile.machine, "bundles": entries}
    draft = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
        draft.replace(path)
    except OSError as error:
        raise EdgeVoiceError(f"{path} could not be written: {error.strerror}.") from error
    return path


def _entry(table: Mapping[str, Any]) -> Entry:
    entry = Entry(**{**table, "timed": tuple(Timed(**each) for each in table["timed"])})
    for timed in entry.timed:
        figures = (timed.read_tps, timed.write_tps, timed.rtf, timed.first_s, timed.spread)
        if timed.threads < 1 or not all(0 <= figure < float("inf") for figure in figures):
            raise ValueError("a figure that cannot be")
        if not (timed.rtf or (timed.read_tps and timed.write_tps)):
            raise ValueError("no speed")
    if not entry.timed or not 0 <= entry.memory_mb < float("inf"):
        raise ValueError("no figures")
    return entry
