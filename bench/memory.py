"""Memory of the loop in a talk: PSS after every turn, and its peak.

    python -m bench.memory [--turns N] [--set KEY=VALUE] [--json FILE]

PSS (proportional set size, /proc/self/smaps_rollup) counts mapped model files too, as far as they
are in memory.
"""

from __future__ import annotations

import argparse

from bench.dialogue import Talk
from bench.latency import utterances
from bench.report import parser, percentile_ms, table, write
from edgevoice.runtime import models
from edgevoice.runtime.settings_file import read
from edgevoice_quantize.pss import PeakPss, pss_mb


def main() -> None:
    """Measure, print, write."""
    options = _options()
    settings = read(None, options.set)
    clips = utterances(options.turns)
    with PeakPss() as peak, Talk(settings, models.store_of(settings)) as talk:
        after, waits = [], []
        for clip in clips:
            turn = talk.ask(clip.samples)
            waits += [turn.voice_to_voice_s] if turn.voice_to_voice_s is not None else []
            after.append(round(pss_mb(), 1))
    figures: dict[str, object] = {
        "turns_done": len(waits),
        "killed": False,
        "peak_mb": round(peak.mb, 1),
        "after_turn_mb": after,
        "growth_from_turn_3": round(after[-1] / after[2] - 1, 4) if len(after) > 2 else None,
        "p50_ms": percentile_ms(waits, 50),
        "p95_ms": percentile_ms(waits, 95),
    }
    table("Memory of a talk", ["turn", "PSS MB"], enumerate(after, start=1))
    print(f"peak {peak.mb:.0f} MB, growth from turn 3: {figures['growth_from_turn_3']}")
    write(options.json, {"bench": "memory", **figures})


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--turns", type=int, default=10)
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    return made.parse_args()


if __name__ == "__main__":
    main()
