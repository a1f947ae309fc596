"""A talk on a small device: what it takes, and how it gives way.

    python -m bench.memory [--turns N] [--limit-mb N] [--read-mb-s N] [--eater-mb N]
                           [--cpu-quota PERCENT] [--at TURN:WHAT=VALUE]
                           [--set KEY=VALUE] [--json FILE]

The talk runs in a process of its own within a control group of ``--limit-mb``, and reads from the
disk no faster than ``--read-mb-s``. In the middle third of the turns another process takes
``--eater-mb``, and the processor's time is cut to ``--cpu-quota`` of all cores; ``--at`` does such
a thing one second into a turn of its own: ``--at 5:limit=1500``, ``--at 8:cpu=50``,
``--at 3:eat=200``, ``--at 6:eat=0``. PSS (proportional set size) counts mapped model files too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.cage import Cage
from bench.latency import utterances
from bench.report import parser, percentile_ms, table, write
from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime.bundles.store import Store

INTO_TURN_S = 1.0
WHATS = ("limit", "cpu", "eat")

Action = tuple[int, str, float]
"""In which turn, what, how much."""


def main() -> None:
    """Measure, print, write."""
    options = _options()
    store = Store()
    forget_files(store.root)
    with Cage() as cage, TemporaryDirectory() as folder:
        # In the group there shall be the talk and not what belongs to the benchmark.
        for number, clip in enumerate(utterances(options.turns)):
            np.save(Path(folder, f"{number:04}.npy"), clip.samples)
        if options.limit_mb:
            cage.limit(options.limit_mb)
        if options.read_mb_s:
            cage.slow_reads(options.read_mb_s, store.root)
        command = [sys.executable, "-m", "bench.memory_talk", folder]
        command += [word for each in options.set for word in ("--set", each)]
        with Happenings(cage, _actions(options)) as happenings, cage.start(command) as child:
            lines = list(_watched(child, happenings))
            killed = child.wait() < 0
    figures = summary(lines, killed=killed)
    show(lines, figures)
    write(options.json, {"bench": "memory", **vars(options), "json": None, **figures})


def summary(lines: Sequence[dict[str, Any]], *, killed: bool) -> dict[str, object]:
    """Return the figures of what the talk told."""
    turns = [line for line in lines if "turn" in line]
    waits = [turn["wait_s"] for turn in turns if turn["wait_s"] is not None]
    after = [round(turn["pss_mb"], 1) for turn in turns]
    thirds = [turns[len(turns) * i // 3 : len(turns) * (i + 1) // 3] for i in range(3)]
    return {
        "turns_done": len(waits),
        "killed": killed,
        "error": next((line["error"] for line in lines if "error" in line), None),
        "peak_mb": round(turns[-1]["peak_mb"], 1) if turns else None,
        "after_turn_mb": after,
        "growth_from_turn_3": round(after[-1] / after[2] - 1, 4) if len(after) > 2 else None,
        "p50_ms": percentile_ms(waits, 50),
        "p95_ms": percentile_ms(waits, 95),
        "p50_ms_by_thirds": [
            percentile_ms([t["wait_s"] for t in third if t["wait_s"] is not None], 50)
            for third in thirds
        ],
        "gap_s": round(sum(turn["gap_s"] for turn in turns), 3),
        "cpu_s_per_turn": round(sum(t["cpu_s"] for t in turns) / max(1, len(turns)), 2),
        "joules_per_turn": _joules(turns),
        "remembered": turns[-1]["remembered"] if turns else 0,
        "turns": turns,
    }


def show(lines: Sequence[dict[str, Any]], figures: dict[str, object]) -> None:
    """Print the course of the talk."""
    rows = [
        (
            line["turn"],
            "-" if line["wait_s"] is None else round(1000 * line["wait_s"]),
            round(line["pss_mb"]),
            line["speculation"],
            line["models"]["llm"],
            round(1000 * line["gap_s"]),
            "; ".join(line["notices"]),
        )
        for line in lines
        if "turn" in line
    ]
    columns = ["turn", "wait ms", "PSS MB", "ahead", "llm", "gap ms", "notices"]
    table("Memory of a talk", columns, rows)
    shown = ("turns_done", "killed", "error", "peak_mb", "p50_ms", "p95_ms", "gap_s", "remembered")
    print(*(f"{name}: {figures[name]}" for name in shown), sep="\n")


def forget_files(folder: Path) -> None:
    """Let the kernel drop model files that it has read: a group pays only for what it reads."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened, suppress(OSError):
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Happenings:
    """Does to the device what is to happen in some turn."""

    def __init__(self, cage: Cage, actions: Sequence[Action]) -> None:
        self._cage = cage
        self._actions = actions
        self._eater: subprocess.Popen[str] | None = None

    def __enter__(self) -> Happenings:
        return self

    def __exit__(self, *_: object) -> None:
        self._eat(0)

    def turn_begins(self, number: int) -> None:
        """Do what belongs into this turn."""
        due = [action for action in self._actions if action[0] == number]
        if due:
            time.sleep(INTO_TURN_S)
        for _, what, value in due:
            match what:
                case "limit":
                    try:
                        self._cage.limit(value)
                    except EdgeVoiceError as error:
                        print(error, file=sys.stderr)
                case "cpu":
                    self._cage.quota(value)
                case _:
                    self._eat(value)

    def _eat(self, mb: float) -> None:
        if self._eater:
            self._eater.terminate()
            self._eater.wait()
            self._eater = None
        if mb:
            self._eater = self._cage.start([sys.executable, "-m", "bench.eater", str(mb)])


def _watched(child: subprocess.Popen[str], happenings: Happenings) -> Iterator[dict[str, Any]]:
    assert child.stdout
    for line in child.stdout:
        told = json.loads(line)
        if "begins" in told:
            happenings.turn_begins(told["begins"])
        yield told


def _actions(options: argparse.Namespace) -> list[Action]:
    actions = []
    start, end = options.turns // 3 + 1, 2 * options.turns // 3 + 1
    if options.eater_mb:
        actions += [(start, "eat", options.eater_mb), (end, "eat", 0.0)]
    if options.cpu_quota:
        actions += [(start, "cpu", options.cpu_quota), (end, "cpu", 100.0)]
    return [*actions, *options.at]


def _joules(turns: Sequence[dict[str, Any]]) -> dict[str, object] | None:
    told = [turn for turn in turns if turn["joules"] is not None]
    if not told:
        return None
    mean = sum(turn["joules"] for turn in told) / len(told)
    return {"mean": round(mean, 2), "source": told[-1]["energy_source"]}


def _action(text: str) -> Action:
    turn, _, rest = text.partition(":")
    what, _, value = rest.partition("=")
    if what not in WHATS:
        raise ValueError(text)
    return int(turn), what, float(value)


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--turns", type=int, default=10)
    made.add_argument("--limit-mb", type=float, metavar="N")
    made.add_argument("--read-mb-s", type=float, metavar="N")
    made.add_argument("--eater-mb", type=float, metavar="N")
    made.add_argument("--cpu-quota", type=float, metavar="PERCENT")
    made.add_argument("--at", type=_action, action="append", default=[], metavar="TURN:WHAT=VALUE")
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    return made.parse_args()


if __name__ == "__main__":
    main()
