"""Idle listening: what it takes of a core, and of memory, when all models but the ears' are gone.

    python -m bench.idle [--seconds N] [--wake WORD] [--set KEY=VALUE] [--json FILE]

The whole assistant listens to a quiet room (noise at -60 dB of full scale) in real time. A question
is asked first, so that all models have worked; then nobody speaks until they are unloaded, and
from there on for ``--seconds``. Without ``--wake`` only the voice activity detector listens. At the
end the question is asked again: the wait for its answer is the way back.
"""

from __future__ import annotations

import argparse
import threading
import time

import numpy as np
import psutil

from bench.dialogue import Talk
from bench.latency import utterances
from bench.report import parser, table, write
from edgevoice.backends.protocols import Samples
from edgevoice.runtime import models
from edgevoice.runtime.settings_file import read
from edgevoice_quantize.pss import pss_mb

IDLE_S = 10.0
"""Until models are unloaded: the least that can be set."""

NOISE = 1e-3
STAND_IN = "file-device"
"""The thread that makes the room's noise and keeps the loudspeaker's sound; not counted."""

SETTLED_S = 8.0
"""Longer than the time between two samples of the device."""


def main() -> None:
    """Measure, print, write."""
    options = _options()
    sets = [f"plan.idle_s={IDLE_S}", "llm.max_tokens=48", *options.set]
    heard_by = options.wake or "voice activity detector"
    figures = listen([*sets, f'wake.word="{options.wake}"'], options.seconds, asks=not options.wake)
    columns = ["heard by", *(key.replace("_", " ") for key in figures)]
    table("Idle listening", columns, [[heard_by, *figures.values()]])
    write(options.json, {"bench": "idle", "by": heard_by, "seconds": options.seconds, **figures})


def listen(sets: list[str], seconds: float, *, asks: bool) -> dict[str, float | None]:
    """Return what listening took; ``asks`` a question before and after it."""
    settings = read(None, sets)
    (clip,) = utterances(1)
    back_s = None
    with Talk(settings, models.store_of(settings), background=room) as talk:
        if asks:
            talk.ask(clip.samples)
        time.sleep(IDLE_S + SETTLED_S)
        before, begun = _cpu_s(), time.monotonic()
        time.sleep(seconds)
        cpu_s = _cpu_s() - before
        idle_mb = pss_mb()
        took_s = time.monotonic() - begun
        if asks:
            back_s = talk.ask(clip.samples).voice_to_voice_s
    return {
        "percent_of_a_core": round(100 * cpu_s / took_s, 2),
        "pss_mb": round(idle_mb, 1),
        "answer_after_it_ms": None if back_s is None else round(1000 * back_s),
    }


def _cpu_s() -> float:
    """Return the processor time of all threads but the one that stands for a sound card."""
    stand_in = {each.native_id for each in threading.enumerate() if each.name == STAND_IN}
    threads = psutil.Process().threads()
    return sum(t.user_time + t.system_time for t in threads if t.id not in stand_in)


def room(samples: int) -> Samples:
    """Return the noise of a quiet room."""
    return (NOISE * np.random.default_rng().standard_normal(samples)).astype(np.float32)


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--seconds", type=float, default=60.0)
    made.add_argument("--wake", default="", metavar="WORD", help="such as okay_nabu")
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    return made.parse_args()


if __name__ == "__main__":
    main()
