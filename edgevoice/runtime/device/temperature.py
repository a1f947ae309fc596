"""Temperatures and trip points, from sysfs' thermal zones and hardware monitors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgevoice.core.device import Temperature
from edgevoice.runtime.machine import text

PLAUSIBLE_C = (-40.0, 125.0)
"""Outside of it, and at 0 exactly, a sensor is broken, off or not wired."""

FROZEN_S = 600.0
FROZEN_LOAD = 1.0
"""A reading that never moved for so long, while the load moved by so many cores, is stuck."""

MOST_SENSORS = 8
"""Phones have a hundred zones; those nearest to their trip points are watched."""

LOOK_AGAIN_S = 60.0
"""How often the sensors are looked up anew: some come and go with their drivers."""

BOARDS = {"Raspberry Pi": 80.0}
"""Where boards throttle whose firmware does it unseen by the kernel: the Raspberry Pi's
documentation on frequency management says from 80 degrees on, fully at 85."""

BELOW_CRITICAL_K = 10.0
"""Where only the point of shutting down is known, throttling is taken to begin this far below."""

KINDS = {"battery": 45.0, "skin": 43.0}
"""Trip points of sensors that have none, by a part of their names: a lithium cell must not be
charged from 45 degrees on, and the touch of 43 is where phones slow down (assumed)."""

_MONITORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "scpi_sensors")
"""Hardware monitors of processors, in the kernel's words."""


def celsius(raw: str) -> float | None:
    """Return a sensor's ``raw`` text in degrees C, None when it makes no sense.

    The kernel promises thousandths; some drivers give whole degrees, or change to them.
    """
    try:
        value = float(raw.strip())
    except ValueError:
        return None
    if not math.isfinite(value) or value == 0:
        return None
    degrees = value / 1000 if abs(value) >= 1000 else value
    return degrees if PLAUSIBLE_C[0] < degrees < PLAUSIBLE_C[1] else None


@dataclass
class _Sensor:
    name: str
    path: Path
    trip_c: float | None
    last: str = ""
    since: float = 0.0
    least_load: float = math.inf
    most_load: float = -math.inf

    def urgency(self) -> float:
        """Return how far it is from its trip point, in K; what has none comes last."""
        degrees = celsius(text(self.path))
        return math.inf if degrees is None or self.trip_c is None else self.trip_c - degrees

    def read(self, at: float, load: float | None) -> Temperature | None:
        """Return the reading at a time, None when it makes no sense or never moves."""
        raw = text(self.path)
        degrees = celsius(raw)
        if degrees is None or self._stuck(raw, at, load):
            return None
        return Temperature(self.name, degrees, self.trip_c)

    def _stuck(self, raw: str, at: float, load: float | None) -> bool:
        if raw != self.last or at < self.since:
            self.last, self.since = raw, at
            self.least_load, self.most_load = math.inf, -math.inf
        if load is not None:
            self.least_load = min(self.least_load, load)
            self.most_load = max(self.most_load, load)
        return at - self.since >= FROZEN_S and self.most_load - self.least_load >= FROZEN_LOAD


class Thermometers:
    """All sensors under ``root`` that can be read. ``board`` is the device's name."""

    def __init__(self, root: Path, board: str) -> None:
        self._root = root
        self._board = board
        self._sensors: list[_Sensor] = []
        self._looked_at = -math.inf

    def read(self, at: float, load: float | None) -> tuple[Temperature, ...]:
        """Return what the sensors say; ``load`` in busy cores tells a stuck one from a calm one."""
        readings = self._read(at, load)
        if not readings or not 0 <= at - self._looked_at < LOOK_AGAIN_S:
            known = {sensor.path: sensor for sensor in self._sensors}
            found = sorted(list(self._zones()) or list(self._monitors()), key=_Sensor.urgency)
            self._sensors = [known.get(each.path, each) for each in found[:MOST_SENSORS]]
            self._looked_at = at
            readings = self._read(at, load)
        return readings

    def _read(self, at: float, load: float | None) -> tuple[Temperature, ...]:
        read = (sensor.read(at, load) for sensor in self._sensors)
        return tuple(reading for reading in read if reading)

    def _zones(self) -> Iterator[_Sensor]:
        for zone in _folders(self._root / "sys/class/thermal", "thermal_zone"):
            if celsius(text(zone / "temp")) is not None:
                name = text(zone / "type").strip() or zone.name
                yield _Sensor(name, zone / "temp", self._trip(zone, name))

    def _trip(self, zone: Path, name: str) -> float | None:
        trips: dict[str, list[float]] = {}
        for kind in _files(zone, "trip_point_*_type"):
            at = celsius(text(kind.with_name(kind.name.replace("_type", "_temp"))))
            if at is not None:
                trips.setdefault(text(kind).strip(), []).append(at)
        if "passive" in trips:
            return min(trips["passive"])
        known = [trip for board, trip in BOARDS.items() if self._board.startswith(board)]
        known += [trip for part, trip in KINDS.items() if part in name.lower()]
        known += [min(trips["hot"])] if "hot" in trips else []
        known += [min(trips["critical"]) - BELOW_CRITICAL_K] if "critical" in trips else []
        return known[0] if known else None

    def _monitors(self) -> Iterator[_Sensor]:
        for monitor in _folders(self._root / "sys/class/hwmon", "hwmon"):
            name = text(monitor / "name").strip()
            for reading in _files(monitor, "temp*_input") if name in _MONITORS else ():
                stem = reading.name.removesuffix("_input")
                points = (celsius(text(monitor / f"{stem}_{limit}")) for limit in ("max", "crit"))
                trip = min((point for point in points if point is not None), default=None)
                yield _Sensor(f"{name} {stem}", reading, trip)


def _folders(parent: Path, prefix: str) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.name.startswith(prefix))
    except OSError:
        return []


def _files(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []
