"""What the kernel counts: work, refaults, pressure, periods in which a quota ran out."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from edgevoice.runtime.machine import cgroups, numbers, text

LONGEST_STEP_S = 60.0
"""Counters further apart than this say nothing of now: the device slept, or its clock jumped."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What happened between two samples; None for what cannot be told. As in ``Device``."""

    busy_cores: float | None = None
    refaults_per_s: float | None = None
    held_back: float | None = None


@dataclass(frozen=True, slots=True)
class _Counts:
    at: float
    busy: float | None
    total: float | None
    cores: int
    process_s: float
    refaults: int | None
    periods: int
    held: int


class Counters:
    """Turns the kernel's counters under ``root`` into rates."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._last: _Counts | None = None

    def rates(self, at: float) -> Rates:
        """Return the rates since the call before; ``at`` is the time in seconds."""
        last, now = self._last, self._count(at)
        self._last = now
        if last is None or not 0 < at - last.at < LONGEST_STEP_S:
            return Rates()
        return Rates(_busy(last, now), _refaults(last, now), _held(last, now))

    def pressure(self, resource: str) -> float | None:
        """Return the share (0 to 1) of the last 10 s that tasks waited for "memory" or "cpu".

        Of the tightest cgroup that tells its own, or of the machine.
        """
        files = [group / f"{resource}.pressure" for group in cgroups(self._root, resource)]
        shares = [_some(text(file)) for file in (*files, self._root / "proc/pressure" / resource)]
        return max((share for share in shares if share is not None), default=None)

    def _count(self, at: float) -> _Counts:
        busy, total, cores = _work(text(self._root / "proc/stat"))
        used = os.times()
        periods, held = self._quota()
        return _Counts(
            at, busy, total, cores, used.user + used.system, self._refaulted(), periods, held
        )

    def _refaulted(self) -> int | None:
        files = [group / "memory.stat" for group in cgroups(self._root, "memory")]
        for file in (*files, self._root / "proc/vmstat"):
            counted = numbers(file)
            for names in (
                ("workingset_refault_file", "workingset_refault_anon"),
                ("total_workingset_refault_file", "total_workingset_refault_anon"),
                ("workingset_refault",),
            ):
                if names[0] in counted:
                    return sum(counted.get(name, 0) for name in names)
        return None

    def _quota(self) -> tuple[int, int]:
        found = [numbers(group / "cpu.stat") for group in cgroups(self._root, "cpu")]
        held = max((each.get("nr_throttled", 0) for each in found), default=0)
        periods = max((each.get("nr_periods", 0) for each in found), default=0)
        return periods, held


def _work(stat: str) -> tuple[float | None, float | None, int]:
    """Return the ticks that all cores worked, those that there were, and the number of cores."""
    lines = [line.split() for line in stat.splitlines() if line.startswith("cpu")]
    cores = sum(words[0] != "cpu" for words in lines)
    whole = next((words[1:9] for words in lines if words[0] == "cpu"), [])
    if len(whole) < 5 or not all(word.isdigit() for word in whole) or not cores:
        return None, None, cores
    ticks = [float(word) for word in whole]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks), cores  # idle, and waiting for a disk


def _busy(last: _Counts, now: _Counts) -> float | None:
    if now.busy is None or last.busy is None or now.total is None or last.total is None:
        # Phones deny /proc/stat: what this process does is most of the work.
        return max(0.0, now.process_s - last.process_s) / (now.at - last.at)
    passed = now.total - last.total
    if passed <= 0:
        return None
    return min(1.0, max(0.0, (now.busy - last.busy) / passed)) * now.cores


def _refaults(last: _Counts, now: _Counts) -> float | None:
    if last.refaults is None or now.refaults is None or now.refaults < last.refaults:
        return None
    return (now.refaults - last.refaults) / (now.at - last.at)


def _held(last: _Counts, now: _Counts) -> float | None:
    periods = now.periods - last.periods
    return min(1.0, max(0, now.held - last.held) / periods) if periods > 0 else None


def _some(pressure: str) -> float | None:
    for line in pressure.splitlines():
        if line.startswith("some "):
            fields = dict(part.split("=", 1) for part in line.split()[1:] if "=" in part)
            try:
                percent = float(fields.get("avg10", "nan"))
            except ValueError:
                return None
            return min(100.0, max(0.0, percent)) / 100 if math.isfinite(percent) else None
    return None
