"""How much work the device's cooling bears: one level down ahead of the trip, back up slowly."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from edgevoice.core.device import Temperature
from edgevoice.core.thermal import BOARD, SHELL, Fit, Thermal

MARGIN_K = (1.0, 3.0)
MARGIN_SHARE = 0.25
"""Kept below the trip: a part of the way there from the device at rest, within limits. Sensors are
read in steps of 0.5 to 1 K, and forecasts err the more the farther they go."""

AHEAD_S = 90.0
"""How far ahead a trip is foreseen: longer than a turn takes to end and a smaller model to load."""

DOWN_EVERY_S = 40.0
"""Between two steps down: models change at a turn's end, and then it takes a turn to see what that
did. Where the device throttles already, a quarter of it."""

UP_AFTER_S = 90.0
"""Between a step and the next one up."""

LONGEST_WAIT_S = 1800.0
"""A level that could not be held is tried again after twice as long each time, up to this."""

REGRET_S = 900.0
"""A step up that had to be taken back within this time was wrong: phones take that long to warm."""

CLIMB_SHARE = 1.5
"""The long run must keep so many margins below the trip before it is tried to go up."""

AT_TRIP_K = 1.0
"""So near, two samples of three count as the trip itself."""

SLOW_SENSORS = ("skin", "battery", "headroom", "shell", "quiet")
"""Parts of the names of sensors that feel the whole device."""

LOAD_TAU_S = 60.0
"""Load is averaged over a minute, some turns of talk; over what there is at first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a step of ``Cooling`` is told: time in seconds, the sensor nearest to its trip, load.

    ``throttled`` says that the system slows the processor already.
    """

    at: float
    temperature: Temperature | None
    load: float | None
    throttled: bool = False


def margin_k(thermal: Thermal, trip_c: float) -> float:
    """Return how far below ``trip_c`` to stay, in K."""
    return min(max(MARGIN_SHARE * (trip_c - thermal.rest_c), MARGIN_K[0]), MARGIN_K[1])


class Cooling:
    """Holds the most load, in busy cores of the plan's own reckoning, that may be caused."""

    def __init__(self) -> None:
        self.fit = Fit()
        self.most_load = inf
        self.why = ""
        """What the last step was for, in words."""
        self._sensor = ""
        self._degrees: deque[float] = deque(maxlen=3)
        self._load = 0.0
        self._known_s = 0.0
        self._last_at: float | None = None
        self._stepped_at = -inf
        self._rose_at = -inf
        self._wait_s = UP_AFTER_S

    def step(self, reading: Reading, loads: Sequence[float], level: int) -> bool:
        """Take a reading; return True when ``most_load`` has changed.

        ``loads`` are the plan's levels, from the best to the cheapest, none before the first plan;
        ``level`` is where it is.
        """
        self._take(reading)
        if not loads:
            self._begin(reading.temperature)
            return False
        since_s = reading.at - self._stepped_at
        if since_s < 0:  # the clock jumped back
            self._stepped_at, since_s = reading.at, 0.0
        tripped = reading.throttled or self._is_at_trip(reading.temperature)
        if level + 1 < len(loads) and (
            (tripped and since_s >= DOWN_EVERY_S / 4)
            or (since_s >= DOWN_EVERY_S and self._foresees_trip(reading.temperature))
        ):
            self.why = "throttled" if reading.throttled else self._forecast(reading.temperature)
            self._step(reading.at, loads[level + 1], loads[level + 1] / loads[level])
            return True
        if level > 0 and since_s >= self._wait_s and self._bears(reading, loads, level):
            self.why = "cool enough"
            most_load = loads[level - 1] if level > 1 else inf
            self._step(reading.at, most_load, loads[level - 1] / loads[level])
            return True
        return False

    def _take(self, reading: Reading) -> None:
        at, temperature = reading.at, reading.temperature
        if reading.load is not None:
            step_s = 0.0 if self._last_at is None else max(0.0, at - self._last_at)
            self._known_s = min(self._known_s + step_s, LOAD_TAU_S)
            if step_s:
                share = min(1.0, step_s / self._known_s)
                self._load += share * (reading.load - self._load)
            self._last_at = at
        if temperature is None:
            return
        if temperature.sensor != self._sensor:
            slow = any(part in temperature.sensor.lower() for part in SLOW_SENSORS)
            self._sensor, self.fit = temperature.sensor, Fit(SHELL if slow else BOARD)
            self._degrees.clear()
        self._degrees.append(temperature.celsius)
        self.fit.observe(at, temperature.celsius, reading.load or 0.0)

    def _begin(self, temperature: Temperature | None) -> None:
        """Before anything runs, trust what such devices mostly bear; more comes with knowledge."""
        if temperature is None or temperature.trip_c is None or self.fit.blocks:
            return
        thermal = self.fit.thermal
        self.most_load = thermal.load_at(temperature.trip_c - margin_k(thermal, temperature.trip_c))

    def _is_at_trip(self, temperature: Temperature | None) -> bool:
        if temperature is None or temperature.trip_c is None or not self._degrees:
            return False
        middle = sorted(self._degrees)[len(self._degrees) // 2]
        return middle >= temperature.trip_c - AT_TRIP_K

    def _foresees_trip(self, temperature: Temperature | None) -> bool:
        if temperature is None or temperature.trip_c is None or self.fit.mean_c is None:
            return False
        soon = self.fit.thermal.after(self.fit.mean_c, self._load, AHEAD_S)
        highest = max(soon, self.fit.mean_c) + self.fit.ripple_k
        return highest >= temperature.trip_c - margin_k(self.fit.thermal, temperature.trip_c)

    def _bears(self, reading: Reading, loads: Sequence[float], level: int) -> bool:
        """Tell whether the level above would stay below the trip in the long run."""
        temperature = reading.temperature
        if reading.throttled:
            return False
        if temperature is None or temperature.trip_c is None or self.fit.mean_c is None:
            # Nothing tells heat: what the system held back at some time is tried again.
            return temperature is None or temperature.trip_c is None
        more = loads[level - 1] / max(loads[level], 1e-6)
        thermal = self.fit.thermal
        rise_k = max(0.0, thermal.rise_k * self._load * (more - 1))
        steady = max(thermal.steady_c(self._load), self.fit.mean_c) + rise_k
        kept_k = CLIMB_SHARE * margin_k(thermal, temperature.trip_c)
        return steady + self.fit.ripple_k < temperature.trip_c - kept_k

    def _step(self, at: float, most_load: float, more: float) -> None:
        self._load *= more  # what is to be expected from here on
        if more > 1:
            self._rose_at = at
        elif at - self._rose_at < REGRET_S:
            self._wait_s, self._rose_at = min(2 * self._wait_s, LONGEST_WAIT_S), -inf
        elif self._rose_at > -inf:
            self._wait_s, self._rose_at = UP_AFTER_S, -inf
        self.most_load, self._stepped_at = most_load, at

    def _forecast(self, temperature: Temperature | None) -> str:
        if temperature is None or temperature.trip_c is None or self.fit.mean_c is None:
            return ""
        soon = self.fit.thermal.after(self.fit.mean_c, self._load, AHEAD_S)
        return (
            f"{temperature.sensor} at {self.fit.mean_c:.0f} °C, {soon:.0f} °C foreseen, "
            f"throttled at {temperature.trip_c:.0f} °C"
        )
