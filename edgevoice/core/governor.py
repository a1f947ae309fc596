"""Keeps the talk within the device's memory, heat and power: ``step(fact) -> orders``, pure.

Live settings (threads, speculation) change at once, models between turns only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf

from edgevoice.core.bundle import Role
from edgevoice.core.cooling import Cooling, Reading
from edgevoice.core.device import Battery, Device
from edgevoice.core.orders import (
    DeviceSampled,
    DropCaches,
    Fact,
    LoadFailed,
    ModelLoaded,
    Order,
    ReportShortage,
    TurnBegan,
    TurnEnded,
)
from edgevoice.core.pace import Pace
from edgevoice.core.plan import plan
from edgevoice.core.plan_types import IDLE_S, NO_CACHES, TARGET_S, Limits, Plan
from edgevoice.core.resident import Resident
from edgevoice.core.rung import Rungs, Speed
from edgevoice.core.squeeze import Squeeze

LONGEST_STEP_S = 60.0
"""Time between two facts counts up to this: a clock that jumps must not end every wait at once."""

ALWAYS = frozenset({Role.VAD, Role.WAKE})
"""Roles that hear somebody speak, and so stay loaded."""

LOW_BATTERY = ((10.0, 0.25), (20.0, 0.5))
"""Under so many percent, what may be done of the best plan's work."""

BATTERY_STEP = 3.0
"""A battery counts as fuller again when it is fuller by this."""

QUIET = 0.5
"""What may be done of the best plan's work where the user wants a quiet device."""

MEMORY_STEP_MB = 25.0
"""Changes in free memory less than this are no reason to think again."""


RETRY_S = 120.0
"""A model for which memory was short, although the plan had thought otherwise, is not tried in the
place of another for so long: the other is unloaded for each try."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks for.

    Attributes:
        target_s: wait for the reply to aim at.
        most_load: busy cores on average, as a cap on power; infinity for none.
        quiet: do with less of the best plan's work, for a cool and lasting device.
        idle_s: unload models after this time without a word.

    """

    target_s: float = TARGET_S
    most_load: float = inf
    quiet: bool = False
    idle_s: float = IDLE_S


class Governor:
    """Decides what runs, from what it is told.

    Attributes:
        plan: what should run; None before the first sample.
        cooling: what the device's heat allows.
        squeeze: how much memory is given back.
        changes: how often the level, or the stage of giving back, has changed.

    """

    def __init__(
        self,
        rungs: Rungs,
        speeds: Mapping[str, Speed] | None = None,
        wish: Wish | None = None,
        cooling: Cooling | None = None,
    ) -> None:
        self.plan: Plan | None = None
        self.cooling = cooling or Cooling()
        self.squeeze = Squeeze()
        self.changes = 0
        self._rungs = {role: list(ladder) for role, ladder in rungs.items()}
        self._pace = Pace(speeds or {})
        self._wish = wish or Wish()
        self._now = 0.0
        self._last_at: float | None = None
        self._device = Device()
        self._in_turn = False
        self._spoken_at = 0.0
        self._asleep = False
        self._stale = False
        self._resident = Resident()
        self._refused: dict[Role, float] = {}
        self._key: tuple[object, ...] = ()
        self._weak = 1.0
        self._lacked_mb = 0.0

    def step(self, fact: Fact) -> list[Order]:
        """Take a fact, return the orders that follow from it."""
        self._pass_time(fact.device.at if isinstance(fact, DeviceSampled) else fact.at)
        match fact:
            case DeviceSampled(device=device):
                return self._sampled(device)
            case TurnBegan():
                self._in_turn, self._spoken_at = True, self._now
                return self._wake()
            case TurnEnded(measured=measured):
                self._in_turn, self._spoken_at = False, self._now
                self._pace.learn(measured, self.plan.share if self.plan else 1.0)
                return self._think()
            case ModelLoaded(role=role):
                self._resident.loaded(role)
                self.squeeze.expect_load(self._now)
                self._stale = True
                return []
            case LoadFailed(role=role, bundle=bundle, for_good=True):
                return self._do_without(role, bundle)
            case LoadFailed(role=role):
                self._resident.failed(role)
                self._refused[role] = self._now
                self._stale = True
                return []

    def _pass_time(self, at: float) -> None:
        if self._last_at is not None:
            self._now += min(max(0.0, at - self._last_at), LONGEST_STEP_S)
        self._last_at = at

    # What a sample tells.

    def _sampled(self, device: Device) -> list[Order]:
        self._device, self._stale = device, False
        orders = list(self._govern(device))
        self._weak = _battery_share(device.battery, self._weak)
        idle_s = self._now - self._spoken_at
        if self.plan and not self._in_turn and idle_s >= self._wish.idle_s:
            return [*orders, *self._fall_asleep()]
        return [*orders, *self._think()]

    def _govern(self, device: Device) -> Iterator[Order]:
        running = None if self._asleep else self.plan
        reading = Reading(self._now, device.hottest, device.busy_cores, device.throttled)
        loads = [load * self._pace.present for load in running.loads] if running else []
        self.changes += self.cooling.step(reading, loads, running.level if running else 0)
        if running is None:
            return
        if self._resident.pending:
            self.squeeze.expect_load(self._now)
        if self.squeeze.step(self._now, device, running.need_mb):
            self.changes += 1
            if self.squeeze.stage >= NO_CACHES:
                yield DropCaches()

    def _think(self) -> list[Order]:
        """Make a plan if anything has changed, and return what leads to it."""
        device, limits = self._device, self._limits()
        free = None if device.memory_free_mb is None else device.memory_free_mb + limits.held_mb
        rough = None if free is None else round(free / MEMORY_STEP_MB)
        key = (rough, device.granted_cores, replace(limits, held_mb=0.0), self._pace.rough)
        # While a model is read in, it is in part counted as free and as held, or as neither.
        settled = not self._stale and not self._resident.pending
        if self.plan is None or (settled and key != self._key):
            first = self.plan is None
            self._key = key
            self.plan = plan(device, self._rungs, self.plan, self._pace.speeds, limits)
            if first:  # only now it is known what part of the best is wished for
                self.plan = plan(device, self._rungs, None, self._pace.speeds, self._limits())
        if self._asleep:
            return []
        if self.plan.lacks_mb and not self._resident.roles:
            return self._shortage(self.plan)
        orders = list(self._resident.live(self.plan))
        if not self._in_turn and not self.plan.lacks_mb:
            orders += self._resident.swaps(self.plan, device, self._kept())
        return orders

    def _kept(self) -> set[Role]:
        """Return the roles whose models stay, since memory was short for others a moment ago."""
        return {
            role
            for role, at in self._refused.items()
            if role in self._resident.roles and self._now - at < RETRY_S
        }

    def _shortage(self, wanted: Plan) -> list[Order]:
        """Tell of a shortage once, and again when it changes."""
        if self._lacked_mb == wanted.lacks_mb:
            return []
        self._lacked_mb = wanted.lacks_mb
        free_mb = self._device.memory_free_mb or 0.0
        return [ReportShortage(free_mb + wanted.lacks_mb, free_mb)]

    def _limits(self) -> Limits:
        best = self.plan.loads[0] if self.plan else inf
        share = min(self._weak, QUIET if self._wish.quiet else 1.0)
        heat = self.cooling.most_load / self._pace.present
        return Limits(
            most_load=min(heat, self._wish.most_load, best * share if share < 1 else inf),
            squeeze=self.squeeze.stage,
            most_mb=self.squeeze.most_mb,
            held_mb=0.0 if self._stale else self._resident.held_mb,
            target_s=self._wish.target_s,
        )

    def _do_without(self, role: Role, bundle: str) -> list[Order]:
        """Take a bundle that cannot be loaded off its ladder, unless it is the last."""
        self._resident.failed(role)
        ladder = [rung for rung in self._rungs.get(role, []) if rung.bundle != bundle]
        if not ladder and role is not Role.TURN:
            return []
        self._rungs[role] = ladder
        self._key, self.plan = (), None
        return self._think()

    # Nobody speaks.

    def _fall_asleep(self) -> list[Order]:
        if self._asleep:
            return []
        self._asleep = True
        return list(self._resident.unload(r for r in self._resident.roles if r not in ALWAYS))

    def _wake(self) -> list[Order]:
        """Load again what the plan wants: there is nothing to wait for a turn's end with."""
        if not self._asleep or self.plan is None:
            return []
        self._asleep = False
        return [
            *self._resident.live(self.plan),
            *(() if self.plan.lacks_mb else self._resident.swaps(self.plan, self._device)),
        ]


def _battery_share(battery: Battery | None, share: float) -> float:
    """Return what part of the work a battery allows; ``share`` is what it was allowed before."""
    if battery is None or battery.percent is None or battery.charging:
        return 1.0
    for percent, allowed in LOW_BATTERY:
        if battery.percent < percent + (BATTERY_STEP if share <= allowed else 0.0):
            return allowed
    return 1.0
