"""Measures the bundles on this device one after the other, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgevoice.backends import engines
from edgevoice.core.bundle import Bundle, Role
from edgevoice.errors import BackendFailed, EdgeVoiceError, ModelDoesNotFit
from edgevoice.runtime import machine
from edgevoice.runtime.tuning.profile import Entry, Timed, identity

ROLES = (Role.TTS, Role.STT, Role.LLM)
"""In this order: what the ears are to hear, a voice has to say before."""

MOST_THREADS = 4
"""A model is not given more; see the plan."""

TIMEOUT_S = 900.0
"""For one bundle with one number of threads: a large model that a small device has to read from
its disk again and again."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one bundle: an entry, or why there is none."""

    bundle: Bundle
    entry: Entry | None = None
    problem: str = ""


def candidates(bundles: Sequence[Bundle], roles: Sequence[Role]) -> list[Bundle]:
    """Return the bundles to measure, voices first."""
    return [each for role in ROLES if role in roles for each in bundles if each.role is role]


def thread_counts() -> tuple[int, ...]:
    """Return the numbers of threads to measure here: one, two, and as many as a plan gives."""
    cores = machine.processor().cores
    return tuple(sorted({1, min(2, cores), min(MOST_THREADS, cores)}))


def tune(
    bundles: Sequence[Bundle],
    voices: Sequence[Bundle],
    threads: Sequence[int],
    say: Callable[[str], None],
) -> Iterator[Found]:
    """Measure ``bundles``, and yield what was found of each as soon as it is known.

    Ears hear what one of ``voices`` says; without any they cannot be measured.
    """
    with tempfile.TemporaryDirectory(prefix="edgevoice-") as folder:
        speech = Path(folder, "speech.npz")
        for bundle in bundles:
            say(f"{bundle.role} {bundle.name}")
            try:
                if bundle.role is Role.STT and not speech.exists():
                    _speak(voices, speech)
                record = speech if bundle.role is not Role.LLM else None
                yield Found(bundle, _entry(bundle, threads, record))
            except EdgeVoiceError as error:
                yield Found(bundle, problem=error.problem)


def _entry(bundle: Bundle, threads: Sequence[int], speech: Path | None) -> Entry:
    _check_memory(bundle)
    runs = [_run(bundle, count, speech) for count in threads]
    first = runs[0]
    return Entry(
        role=str(bundle.role),
        identity=identity(bundle),
        timed=tuple(Timed(**run["timed"]) for run in runs),
        load_s=min(run["load_s"] for run in runs),
        loaded_mb=first["loaded_mb"],
        working_mb=first["working_mb"],
    )


def _speak(voices: Sequence[Bundle], speech: Path) -> None:
    if not voices:
        raise EdgeVoiceError(
            "There is no voice on this device that could say something for it to hear.",
            hint="edgevoice pull hibari",
        )
    _run(voices[0], 1, speech)


def _check_memory(bundle: Bundle) -> None:
    free, need_mb = machine.memory(), engines.need_mb(bundle)
    if free is not None and need_mb > free.free_mb:
        raise ModelDoesNotFit(bundle.name, need_mb=need_mb, free_mb=free.free_mb)


def _run(bundle: Bundle, threads: int, speech: Path | None) -> dict[str, Any]:
    job = {"bundle": str(bundle.folder), "threads": threads, "speech": str(speech or "")}
    command = [sys.executable, "-m", "edgevoice.runtime.tuning.child", json.dumps(job)]
    waiting = {"OMP_WAIT_POLICY": "passive"}  # threads that wait for each other take no core
    try:
        run = subprocess.run(  # noqa: S603 - this interpreter, on our own module
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
            env=os.environ | waiting,
        )
    except subprocess.TimeoutExpired:
        raise BackendFailed(f"{bundle.name} was not done in {TIMEOUT_S:.0f} s.") from None
    if run.returncode:
        said = (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1]
        raise BackendFailed(f"{bundle.name} failed: {said}")
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def merged(before: Entry | None, now: Entry) -> Entry:
    """Return ``now`` with what was measured earlier of the same files on other numbers of threads.

    A voice and ears are told of one wait only, the latest.
    """
    if before is None or before.identity != now.identity:
        return now
    counts = {timed.threads for timed in now.timed}
    kept = [timed for timed in before.timed if timed.threads not in counts]
    return replace(now, timed=tuple(sorted([*kept, *now.timed], key=lambda t: t.threads)))
