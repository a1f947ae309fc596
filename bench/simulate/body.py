"""The simulated device's body: how it warms, and what its firmware does about it."""

from __future__ import annotations

import random
from math import exp

from edgevoice.core.device import Temperature
from edgevoice.runtime.device.file import Body, Firmware

DIE_TAU_S = 4.0
"""Time constant of the die over its board (assumed)."""

SENSOR_STEP_K = 0.5
SENSOR_NOISE_K = 0.3
"""What a sensor's reading is rounded to, and how it scatters (assumed)."""


class Heat:
    """A body that is warmed by its cores: a board in a room, a die on the board.

    Attributes:
        clock: share of the highest clock that the firmware allows.
        trips: how often it began to throttle.
        highest_c: the highest temperature of the die so far.

    """

    def __init__(self, body: Body, firmware: Firmware, seed: int = 0) -> None:
        self.body = body
        self.firmware = firmware
        self.trips = 0
        self._step = 0
        self._next_step_at = 0.0
        self._now = 0.0
        self._chance = random.Random(seed)
        self._board_c = self._settled_c(body.idle_w)
        self._die_k = body.die_k_per_w * body.idle_w
        self.highest_c = self.celsius

    @property
    def celsius(self) -> float:
        """The temperature at the sensor."""
        return self._board_c + self._die_k

    @property
    def clock(self) -> float:
        """The share of the highest clock."""
        return self.firmware.clocks[self._step]

    def reading(self) -> Temperature:
        """Return what the sensor tells."""
        noisy = self.celsius + self._chance.gauss(0.0, SENSOR_NOISE_K)
        steps = round(noisy / SENSOR_STEP_K)
        return Temperature(self.firmware.sensor, steps * SENSOR_STEP_K, self.firmware.trip_c)

    def watts(self, busy_cores: float) -> float:
        """Return the power with so many cores busy at the present clock."""
        lowered = float(self.clock**self.body.core_exponent)
        return self.body.idle_w + self.body.core_w * lowered * busy_cores

    def advance(self, seconds: float, busy_cores: float) -> None:
        """Let time pass."""
        self._now += seconds
        watts = self.watts(busy_cores)
        settled_c = self.body.room_c + self._board_k_per_w * watts
        self._board_c = settled_c + (self._board_c - settled_c) * exp(
            -seconds / self.body.board_tau_s
        )
        die_k = self.body.die_k_per_w * watts
        self._die_k = die_k + (self._die_k - die_k) * exp(-seconds / DIE_TAU_S)
        self.highest_c = max(self.highest_c, self.celsius)
        self._throttle()

    def foresee(self, seconds: float, mean_cores: float, most_cores: float) -> float:
        """Return the highest temperature within ``seconds``, as one who knows all would."""
        watts = self.body.idle_w + self.body.core_w * mean_cores
        settled_c = self.body.room_c + self._board_k_per_w * watts
        later_c = settled_c + (self._board_c - settled_c) * exp(-seconds / self.body.board_tau_s)
        peak_w = self.body.idle_w + self.body.core_w * most_cores
        return max(later_c, self._board_c) + self.body.die_k_per_w * peak_w

    def _throttle(self) -> None:
        if self._now < self._next_step_at:
            return
        step = self._step
        if self.celsius >= self.firmware.trip_c:
            step = min(step + 1, len(self.firmware.clocks) - 1)
        elif self.celsius < self.firmware.clear_c:
            step = max(step - 1, 0)
        if step != self._step:
            self.trips += self._step == 0
            self._step = step
            self._next_step_at = self._now + self.firmware.step_s

    @property
    def _board_k_per_w(self) -> float:
        reached = [k_per_w for at_c, k_per_w in self.body.fan if self.celsius >= at_c]
        return min([self.body.board_k_per_w, *reached])

    def _settled_c(self, watts: float) -> float:
        settled_c = self.body.room_c + self.body.board_k_per_w * watts
        for at_c, k_per_w in self.body.fan:
            if settled_c >= at_c:
                settled_c = self.body.room_c + k_per_w * watts
        return settled_c
