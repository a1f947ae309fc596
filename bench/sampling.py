"""What it costs to sample a device: processor time of one sample, and share of a core.

    python -m bench.sampling [--root DIR] [--samples N] [--json FILE]

DIR has a device's /proc and /sys in it; without it this machine is sampled. The processor time of
programs that are asked (vcgencmd, termux-battery-status) counts too.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from bench.report import parser, table, write
from edgevoice.runtime import machine
from edgevoice.runtime.device.sensors import PERIOD_S, Sensors


def main() -> None:
    """Measure, print, write."""
    options = _options()
    with Sensors(options.root) as sensors:
        sensors.sample(0.0, wait=True)
        before, walls = os.times(), []
        for step in range(1, options.samples + 1):
            start = time.perf_counter()
            sensors.sample(PERIOD_S * step)
            walls.append(1e3 * (time.perf_counter() - start))
            if options.pause:
                time.sleep(options.pause)
        sensors.sample(PERIOD_S * (options.samples + 1), wait=True)
        after = os.times()
    spent_s = sum(after[:4]) - sum(before[:4])
    figures: dict[str, object] = {
        "cpu_ms": round(1e3 * spent_s / options.samples, 3),
        "wall_ms_p95": round(sorted(walls)[int(0.95 * len(walls))], 3),
        "share_of_a_core": round(spent_s / options.samples / PERIOD_S, 6),
    }
    table("Sampling the device", ["", ""], figures.items())
    write(options.json, {"bench": "sampling", "period_s": PERIOD_S, **figures})


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--root", type=Path, default=machine.HERE, metavar="DIR")
    made.add_argument("--samples", type=int, default=200)
    made.add_argument("--pause", type=float, default=0.02, metavar="S", help="for programs to end")
    return made.parse_args()


if __name__ == "__main__":
    main()
