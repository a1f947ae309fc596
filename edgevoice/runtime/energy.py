"""Energy: processor time always, joules by a meter where there is one, else modelled."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from edgevoice.core.device import Device
from edgevoice.runtime.device.command import Command
from edgevoice.runtime.machine import text

WATTS_PER_CORE = 1.0
BOARD_WATTS = {"Raspberry Pi 5": 1.0, "Raspberry Pi 4": 0.9, "Raspberry Pi 3": 0.6}
"""What a busy core takes, where nothing measures it. A Raspberry Pi 5 that decodes on four cores
takes 5.6 to 6.7 W (llama.cpp issue 26484), a Pi 4 under high load 5.4 W, and 2.2 to 2.7 W idle;
the others are assumed."""

MODELLED = "modelled"
"""Source of joules that nothing metered."""

PMIC_SHARE, PMIC_W = 1.1451, 0.5879
"""From the sum of a Raspberry Pi 5's rails to what its supply gives, by a fit that others made."""

PMIC_EVERY_S = 5.0

LONGEST_STEP_S = 30.0
"""Power is taken to be as last read for no longer than this."""

_RAIL = re.compile(r"^\s*(\w+)_([AV])\b.*=\s*([\d.]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Energy:
    """What was spent between two times.

    Attributes:
        cpu_s: processor time of this process.
        joules: by ``source``.
        source: "rapl" (the processor's package), "pmic" (the board), "battery" (the device; these
            three include what others do meanwhile) or "modelled" (this process's work alone).

    """

    cpu_s: float
    joules: float
    source: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Counters at some time, to reckon from."""

    cpu_s: float
    joules: float


class EnergyMeter:
    """Counts energy on the device under ``root``. Use it from one thread.

    ``board`` is the device's name.
    """

    def __init__(self, root: Path, board: str) -> None:
        self._rapl = _Rapl(root)
        self._pmic = Command("vcgencmd", "pmic_read_adc", root=root, every_s=PMIC_EVERY_S)
        self._per_core_w = next(
            (watts for name, watts in BOARD_WATTS.items() if board.startswith(name)), WATTS_PER_CORE
        )
        self._at: float | None = None
        self._watts: float | None = None
        self._joules = 0.0
        self.source = MODELLED

    def sample(self, device: Device) -> None:
        """Take what the meters say at the time of ``device``; call it with every sample."""
        watts = rails_watts(self._pmic.latest(device.at) or "")
        source = "pmic"
        if watts is None and device.battery and not device.battery.charging:
            watts, source = device.battery.watts, "battery"
        if (counted := self._rapl.read()) is not None:
            self._joules, self.source = counted, "rapl"
        elif watts is not None:
            if self.source != source:
                self._joules, self.source = 0.0, source
            step_s = 0.0 if self._at is None else device.at - self._at
            if self._watts is not None and 0 < step_s <= LONGEST_STEP_S:
                self._joules += step_s * (watts + self._watts) / 2
        else:
            self.source = MODELLED
        self._at, self._watts = device.at, watts

    def mark(self) -> Mark:
        """Return where the counters stand."""
        return Mark(_cpu_s(), self._joules)

    def since(self, mark: Mark) -> Energy:
        """Return what was spent since ``mark``; joules up to the last sample."""
        cpu_s = _cpu_s() - mark.cpu_s
        joules = self._joules - mark.joules
        if self.source == MODELLED or joules < 0:  # the meter came or went meanwhile
            return Energy(cpu_s, cpu_s * self._per_core_w, MODELLED)
        return Energy(cpu_s, joules, self.source)

    def close(self) -> None:
        """End what is still running."""
        self._pmic.close()


class _Rapl:
    """Adds up the packages' counters, which begin anew now and then."""

    def __init__(self, root: Path) -> None:
        folder = root / "sys/class/powercap"
        self._zones = sorted(folder.glob("intel-rapl:[0-9]")) if folder.is_dir() else []
        self._last: dict[Path, int] = {}
        self._joules = 0.0

    def read(self) -> float | None:
        """Return the joules so far, None where the counters cannot be read."""
        told = False
        for zone in self._zones:
            counter = text(zone / "energy_uj").strip()
            if counter.isdigit():
                told = True
                last = self._last.get(zone, int(counter))
                range_uj = text(zone / "max_energy_range_uj").strip()
                wrapped = int(range_uj) if int(counter) < last and range_uj.isdigit() else 0
                self._joules += max(0, int(counter) - last + wrapped) / 1e6
                self._last[zone] = int(counter)
        return self._joules if told else None


def rails_watts(told: str) -> float | None:
    """Return the board's power from ``vcgencmd pmic_read_adc``, None where it tells none."""
    rails: dict[str, dict[str, float]] = {}
    for name, unit, value in _RAIL.findall(told):
        rails.setdefault(name, {})[unit] = float(value)
    products = [rail["A"] * rail["V"] for rail in rails.values() if len(rail) == 2]
    return PMIC_SHARE * sum(products) + PMIC_W if products else None


def _cpu_s() -> float:
    used = os.times()
    return used.user + used.system
