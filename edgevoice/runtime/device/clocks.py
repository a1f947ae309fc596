"""The cores' clocks, from cpufreq."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgevoice.runtime.machine import text

POLICIES = "sys/devices/system/cpu/cpufreq"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The highest clock of each core in MHz; the present and the allowed one as shares of it."""

    core_mhz: tuple[float, ...] = ()
    limit: float | None = None
    present: float | None = None


def clocks(root: Path) -> Clocks:
    """Return what cpufreq tells; a group of cores whose figures make no sense is left out.

    A Raspberry Pi's firmware lowers the clock unseen by cpufreq: its throttling bits tell.
    """
    core_mhz: list[float] = []
    limits: list[float] = []
    present: list[float] = []
    try:
        policies = sorted((root / POLICIES).iterdir())
    except OSError:
        return Clocks()
    for policy in policies:
        highest = _khz(policy / "cpuinfo_max_freq")
        cores = len(text(policy / "related_cpus").split()) or 1
        if highest:
            core_mhz += [highest / 1000] * cores
            if limit := _khz(policy / "scaling_max_freq"):
                limits += [min(1.0, limit / highest)] * cores
            if now := _khz(policy / "scaling_cur_freq"):
                present += [min(1.0, now / highest)] * cores
    return Clocks(tuple(core_mhz), _mean(limits), _mean(present))


def _khz(path: Path) -> int:
    digits = text(path).strip()
    return int(digits) if digits.isdigit() else 0


def _mean(shares: list[float]) -> float | None:
    return sum(shares) / len(shares) if shares else None
