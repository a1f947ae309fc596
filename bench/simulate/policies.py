"""Who decides in the simulation: nobody, the trip point, the governor, or one who knows all."""

from __future__ import annotations

from math import inf
from typing import Protocol

from bench.simulate.body import Heat
from edgevoice.core.device import Device
from edgevoice.core.orders import (
    DeviceSampled,
    Fact,
    ModelLoaded,
    Order,
    TurnBegan,
)
from edgevoice.core.plan import plan
from edgevoice.core.plan_types import Limits, Plan
from edgevoice.core.resident import Resident
from edgevoice.core.rung import Rungs, Speeds

STEP_S = 30.0
COOLER_K = 5.0
CALM_S = 60.0
"""The plain policy: down at the trip, every so often; up when it was so much cooler for so long."""

FORESIGHT_S = 60.0
"""How far who knows all looks ahead: some turns."""


class Policy(Protocol):
    """Takes facts, gives orders, as ``Governor`` does."""

    plan: Plan | None
    changes: int

    def step(self, fact: Fact) -> list[Order]:
        """Take a fact, return the orders that follow from it."""
        ...


class Fixed:
    """Makes a plan once, and keeps to it: policy "none"."""

    def __init__(self, rungs: Rungs, speeds: Speeds) -> None:
        self.plan: Plan | None = None
        self.changes = 0
        self._rungs = rungs
        self._speeds = speeds
        self._resident = Resident()
        self._in_turn = False
        self._device = Device()
        self._levels: list[float] = []

    def step(self, fact: Fact) -> list[Order]:
        """Take a fact, return the orders that follow from it."""
        if isinstance(fact, ModelLoaded):
            self._resident.loaded(fact.role)
            return []
        if isinstance(fact, DeviceSampled):
            self._device = fact.device
            if self.plan is None:
                self._at_level(0)
            else:
                level = self.level_at(fact.device, self.plan)
                if level != self.plan.level:
                    self.changes += 1
                    self._at_level(level)
        else:
            self._in_turn = isinstance(fact, TurnBegan)
        assert self.plan, "the first fact is a sample"
        orders = list(self._resident.live(self.plan))
        if not self._in_turn:
            orders += self._resident.swaps(self.plan, self._device)
        return orders

    def level_at(self, device: Device, running: Plan) -> int:
        """Return the level to be at."""
        del device
        return running.level

    def _at_level(self, level: int) -> None:
        """Plan for the device as it is at its best, so that levels stay what they are."""
        most = self.plan.loads[level] if self.plan and level else inf
        device = self._device
        if self.plan:
            free_mb = (device.memory_free_mb or 0.0) + self._resident.held_mb
            device = Device(
                cores=device.cores,
                core_mhz=device.core_mhz,
                memory_total_mb=device.memory_total_mb,
                memory_free_mb=free_mb,
            )
        self.plan = plan(device, self._rungs, None, self._speeds, Limits(most_load=most))


class AtTrip(Fixed):
    """Goes one level down when the device throttles, and up when it is cool: what others do."""

    def __init__(self, rungs: Rungs, speeds: Speeds) -> None:
        super().__init__(rungs, speeds)
        self._stepped_at = -inf
        self._cool_since = inf

    def level_at(self, device: Device, running: Plan) -> int:
        """Return the level to be at."""
        hottest = device.hottest
        assert hottest is not None
        assert hottest.trip_c is not None
        tripped = device.throttled or hottest.celsius >= hottest.trip_c
        cool = hottest.celsius < hottest.trip_c - COOLER_K
        self._cool_since = min(self._cool_since, device.at) if cool else inf
        since_s = device.at - self._stepped_at
        level = running.level
        if tripped and since_s >= STEP_S and level + 1 < len(running.loads):
            level += 1
        elif device.at - self._cool_since >= CALM_S and since_s >= CALM_S and level:
            level -= 1
        if level != running.level:
            self._stepped_at = device.at
        return level


class Oracle(Fixed):
    """Takes the best level at which the device will not trip, knowing its body exactly."""

    def __init__(self, rungs: Rungs, speeds: Speeds, heat: Heat) -> None:
        super().__init__(rungs, speeds)
        self._heat = heat

    def level_at(self, device: Device, running: Plan) -> int:
        """Return the level to be at."""
        trip_c, cores = self._heat.firmware.trip_c, float(device.fast_cores)
        for level, load in enumerate(running.loads):
            if self._heat.foresee(FORESIGHT_S, load, cores) < trip_c:
                return level
        return len(running.loads) - 1
