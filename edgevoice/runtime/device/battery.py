"""The battery, from sysfs or from Termux:API."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from edgevoice.core.device import Battery
from edgevoice.runtime.device.command import Command
from edgevoice.runtime.machine import text

TERMUX_EVERY_S = 120.0
"""Termux starts a process and asks over Android's broadcasts: half a second of work."""

PLAUSIBLE_C = (-30.0, 90.0)

MICRO = 1e-6


class BatteryGauge:
    """Reads the battery under ``root``."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "sys/class/power_supply"
        self._termux = Command("termux-battery-status", root=root, every_s=TERMUX_EVERY_S)

    def read(self, at: float, *, wait: bool = False) -> Battery | None:
        """Return the battery's state, None where there is none or none may be read."""
        return from_sysfs(self._folder) or from_termux(self._termux.latest(at, wait=wait) or "")

    def close(self) -> None:
        """End what is still running."""
        self._termux.close()


def from_sysfs(folder: Path) -> Battery | None:
    """Return the first battery of the device itself, not of a mouse, under ``folder``."""
    try:
        supplies = sorted(folder.iterdir())
    except OSError:
        return None
    for supply in supplies:
        of_the_device = text(supply / "scope").strip() != "Device"
        if text(supply / "type").strip() == "Battery" and of_the_device:
            return _battery(supply)
    return None


def _battery(supply: Path) -> Battery:
    watts = _number(supply / "power_now", MICRO)
    current, voltage = _number(supply / "current_now", MICRO), _number(supply / "voltage_now")
    if watts is None and current is not None and voltage is not None:
        watts = current * voltage * MICRO
    return Battery(
        percent=_within(_number(supply / "capacity"), 0, 100),
        charging=text(supply / "status").strip() in {"Charging", "Full", "Not charging"},
        watts=None if watts is None else abs(watts),
        celsius=_degrees(_number(supply / "temp")),
    )


def from_termux(told: str) -> Battery | None:
    """Return what ``termux-battery-status`` printed; its numbers may come as text.

    Its current is in microamperes, on some phones in milliamperes, its voltage in millivolts.
    """
    try:
        status = json.loads(told)
    except ValueError:
        return None
    if not isinstance(status, dict) or status.get("present") is False:
        return None
    current, millivolts = _field(status, "current"), _field(status, "voltage")
    watts = None
    if current is not None and millivolts is not None:
        # A phone draws 0.02 to 8 A: from 10,000 on the figure is in microamperes.
        amperes = abs(current) * (MICRO if abs(current) >= 10_000 else 1e-3)
        watts = amperes * millivolts / 1000
    return Battery(
        percent=_within(_field(status, "percentage"), 0, 100),
        charging=status.get("plugged") not in {"UNPLUGGED", None},
        watts=watts,
        celsius=_within(_field(status, "temperature"), *PLAUSIBLE_C),
    )


def _degrees(raw: float | None) -> float | None:
    """Return sysfs' tenths of a degree in degrees C; some drivers use thousandths."""
    if raw is None or raw == 0:
        return None
    return _within(raw / (1000 if abs(raw) >= 1000 else 10), *PLAUSIBLE_C)


def _field(status: Mapping[str, object], name: str) -> float | None:
    try:
        value = float(str(status.get(name)))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _number(path: Path, unit: float = 1.0) -> float | None:
    try:
        value = float(text(path).strip()) * unit
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _within(value: float | None, least: float, most: float) -> float | None:
    return value if value is not None and least <= value <= most else None
