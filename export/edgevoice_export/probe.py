"""The child's side of ``child.load_check``: loads one bundle, runs it once, prints what it saw."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edgevoice.backends import engines
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Role
from edgevoice.core.history import Message
from edgevoice.errors import EdgeVoiceError, ModelError
from edgevoice.runtime.bundles import manifest
from edgevoice_export.record import LoadCheck

QUESTION = "Say hello."
REPLY_TOKENS = 8


def main(folder: Path) -> int:
    """Print the ``LoadCheck`` of the bundle in ``folder`` as a line of JSON."""
    try:
        print(json.dumps(asdict(probe(folder))))
    except EdgeVoiceError as error:
        print(error.problem, file=sys.stderr)
        return 1
    return 0


def probe(folder: Path) -> LoadCheck:
    """Load the bundle in ``folder`` and run it once.

    Raises:
        EdgeVoiceError: it could not be loaded, or gave nothing.

    """
    bundle = manifest.read(folder)
    before = resident_mb()
    started = time.perf_counter()
    model = engines.load(bundle, threads=1)
    loaded = time.perf_counter()
    result = RUNS[bundle.role](model)
    finished = time.perf_counter()
    return LoadCheck(
        engine=bundle.engine,
        memory_mb=round(resident_mb() - before, 1),
        load_s=round(loaded - started, 2),
        run_s=round(finished - loaded, 2),
        result=result,
    )


def _hear(model: Any) -> str:
    text: str = model.transcribe(babble(), CancelScope())
    return text


def _reply(model: Any) -> str:
    pieces = model.reply([Message("user", QUESTION)], REPLY_TOKENS, CancelScope())
    if not (text := "".join(pieces)):
        raise ModelError(f"it gave no reply to {QUESTION!r}")
    return text


def _speak(model: Any) -> str:
    samples = sum(len(piece) for piece in model.synthesize("Good morning.", CancelScope()))
    if not samples:
        raise ModelError("it gave no sound")
    return f"{samples / model.sample_rate:.2f} s of sound"


RUNS: dict[Role, Callable[[Any], str]] = {
    Role.STT: _hear,
    Role.LLM: _reply,
    Role.TTS: _speak,
}


def babble(seconds: float = 2.0) -> Samples:
    """Return noise at 16 kHz that swells four times a second, as syllables do.

    A backend that hears no words in silence or in a steady noise hands this to its model.
    """
    at = np.arange(int(seconds * EARS_RATE)) / EARS_RATE
    noise = np.random.default_rng(1).standard_normal(len(at))
    swell = np.sin(np.pi * 4 * at) ** 4
    return np.asarray(0.1 * noise * swell, np.float32)


def resident_mb() -> float:
    """Return the resident memory of this process in MB, 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
