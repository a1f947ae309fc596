"""All plans that a device could run: which models, and how, from the best to the cheapest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import ceil, inf

from edgevoice.core.bundle import Role
from edgevoice.core.device import Device
from edgevoice.core.plan_types import NO_SPECULATION, NO_TURN_END, SHORT_CONTEXT, Limits, Plan
from edgevoice.core.rung import Need, Rung, Rungs, Speed
from edgevoice.core.speculation import Speculation
from edgevoice.core.turn_cost import Setup, cost

HEADROOM_SHARE = 0.08
HEADROOM_MB = (32.0, 300.0)
"""Kept free for the system and for what comes and goes: a share of all memory, within limits
(assumed)."""

REREAD = 0.95
"""The smallest bundles still run where this part of the LLM's mapped weights finds no room, and is
read again for each token: slowly, but the system ends nothing over pages that it can drop."""

MOST_THREADS = 4
"""More would all wait for the same memory (assumed)."""

GROW_MARGIN = 0.25
"""Where a plan takes more memory than what runs, this part of the headroom must be left as well,
so that plans do not flap."""

CLIMB_MARGIN = 0.95
STAY_MARGIN = 1.15
"""A bundle is taken when it keeps this part of the target, kept while it misses it by no more."""

COMFORT = 0.75
"""Part of the target that levels under the best must keep: a device spends its hot hours there,
and one turn in twenty takes a third longer than a typical one."""

STEP = 0.9
"""A level of the plan must cost at most this part of the one before: less would not be felt."""

GIVEN_UP = {Role.TURN: 1, Role.STT: 3, Role.LLM: 8, Role.TTS: 24}
"""How much it hurts to go down a rung. Good answers count more than to be heard rightly; another
voice in the middle of a talk is another person, and so the last resort."""

AHEAD_CORES = {"draft": 1.5, "prefill": 0.75, "off": 0.0}
"""Cores that must be granted, so that work on a guess does not keep work that is sure waiting."""

Lever = tuple[Speculation, float]

LEVERS: tuple[Lever, ...] = (("draft", 1.0), ("prefill", 1.0), ("prefill", 0.5), ("off", 0.5))
"""What is given up with the same bundles, in this order: drafts, half of the LLM's threads, all
work on a guess. Half the threads write at three quarters of the speed for half of the heat."""

SPARING: tuple[Lever, ...] = (("off", 1.0), ("off", 0.5))
"""What is left of it where memory is short."""

PARTIAL_GROWTH = {"draft": 1.08, "prefill": 1.4, "off": 1.4}
"""Growth of an utterance until its next partial transcript: the settings' own, or more."""


class Choice:
    """All plans that a device could run."""

    def __init__(
        self,
        device: Device,
        rungs: Rungs,
        speeds: dict[str, Speed],
        current: Plan | None,
        limits: Limits,
    ) -> None:
        self.device = device
        self.rungs = rungs
        self.limits = limits
        self._speeds = speeds
        self._current = current
        self.threads = _threads(device)

    @property
    def budget_mb(self) -> float:
        """The memory that models may take."""
        return min(self._free_mb, self.limits.most_mb)

    @property
    def _free_mb(self) -> float:
        return self._all_free_mb - headroom_mb(self.device)

    @property
    def _all_free_mb(self) -> float:
        if self.device.memory_free_mb is None:
            return inf
        free_mb = self.device.memory_free_mb + self.limits.held_mb
        # Weights that are mapped count as held, yet the kernel calls them free.
        return min(free_mb, self.device.memory_total_mb or inf)

    def levels(self) -> list[Plan]:
        """Return plans from the best to the one that costs least, each cheaper than the last."""
        fitting = [made for made in map(self._loaded, self._sets()) if made]
        if not fitting:
            return [self._smallest()]
        plans = [each for loaded in fitting for each in self._with_levers(loaded)]
        timely = [each for each in plans if self.is_timely(each)]
        if not timely:
            timely = [min(plans, key=lambda each: each.cost.latency_s * max(1.0, each.cost.lag))]
        comfortable = [each for each in timely if self.is_timely(each, COMFORT)]
        levels = _each_cheaper(comfortable, timely[:1])
        rest = sorted(plans, key=lambda each: -each.cost.load)
        return _each_cheaper(rest, levels)

    def is_timely(self, made: Plan, part: float = 1.0) -> bool:
        """Tell whether ``made`` keeps this part of the target, and its voice does not stutter."""
        margin = part
        if self._current is not None:
            margin *= STAY_MARGIN if self._current.bundles == made.bundles else CLIMB_MARGIN
        return made.cost.latency_s <= self.limits.target_s * margin and made.cost.lag <= margin

    def fits(self, made: Plan) -> bool:
        """Tell whether the memory holds ``made``."""
        return self._fits(made.rungs, made.need)

    def is_assumed(self, made: Plan) -> bool:
        """Tell whether a speed in ``made`` was not measured on this device."""
        roles = (Role.STT, Role.LLM, Role.TTS)
        return any(self._speeds[made.rungs[role].bundle].assumed for role in roles)

    def with_rung(self, chosen: Plan, rung: Rung) -> Plan:
        """Return ``chosen`` with another rung of one role, whether it fits or not."""
        rungs = {**chosen.rungs, rung.role: rung}
        llm = rungs[Role.LLM]
        needs = [need for need in llm.needs if need in self._needs(llm)]
        need = next((each for each in needs if self._fits(rungs, each)), needs[-1])
        of_threads = chosen.threads[Role.LLM] / self.threads
        return self._made(rungs, need, chosen.speculation, of_threads)

    def _sets(self) -> list[dict[Role, Rung]]:
        """Return every set of rungs, from the best on."""
        ladders = [
            [(index, rung) for index, rung in enumerate(ladder)]
            for role, ladder in self.rungs.items()
            if ladder and not (role is Role.TURN and self.limits.squeeze >= NO_TURN_END)
        ]
        optional = [
            [*ladder, (len(ladder), None)] if ladder[0][1].role is Role.TURN else ladder
            for ladder in ladders
        ]
        sets = []
        for picked in product(*optional):
            rungs = {rung.role: rung for _, rung in picked if rung}
            hurt = sum(
                index * GIVEN_UP.get(rung.role if rung else Role.TURN, 1) for index, rung in picked
            )
            sets.append((hurt, rungs))
        sets.sort(key=lambda each: each[0])
        return [rungs for _, rungs in sets]

    def _loaded(self, rungs: dict[Role, Rung]) -> tuple[dict[Role, Rung], Need] | None:
        """Return ``rungs`` with the longest LLM cache that fits the memory."""
        needs = self._needs(rungs[Role.LLM])
        need = next((each for each in needs if self._fits(rungs, each)), None)
        return (rungs, need) if need else None

    def _needs(self, llm: Rung) -> tuple[Need, ...]:
        return llm.needs[1:] or llm.needs if self.limits.squeeze >= SHORT_CONTEXT else llm.needs

    def _fits(self, rungs: dict[Role, Rung], need: Need) -> bool:
        need_mb = _need_mb(rungs, need)
        grows = self._current is not None and need_mb > self._current.need_mb
        margin_mb = GROW_MARGIN * headroom_mb(self.device) if grows else 0.0
        return need_mb + margin_mb <= self.budget_mb

    def _with_levers(self, loaded: tuple[dict[Role, Rung], Need]) -> Iterator[Plan]:
        made: set[tuple[Speculation, int]] = set()
        for speculation, of_threads in SPARING if self.limits.squeeze >= NO_SPECULATION else LEVERS:
            lever = (speculation, self._llm_threads(of_threads))
            enough = self.device.granted_cores >= AHEAD_CORES[speculation]
            if enough and lever not in made:
                made.add(lever)
                yield self._made(*loaded, speculation, of_threads)

    def _made(
        self, rungs: dict[Role, Rung], need: Need, speculation: Speculation, of_threads: float
    ) -> Plan:
        threads = dict.fromkeys(rungs, 1)
        threads[Role.LLM] = self._llm_threads(of_threads)
        share = min(1.0, self.device.granted_cores / threads[Role.LLM])
        setup = Setup(
            stt=self._speeds[rungs[Role.STT].bundle],
            llm=self._speeds[rungs[Role.LLM].bundle].on(threads[Role.LLM]),
            tts=self._speeds[rungs[Role.TTS].bundle],
            turn_end=Role.TURN in rungs,
            speculation=speculation,
            share=share,
        )
        return Plan(
            rungs=rungs,
            threads=threads,
            need=need,
            speculation=speculation,
            partial_growth=PARTIAL_GROWTH[speculation],
            share=share,
            need_mb=_need_mb(rungs, need),
            cost=cost(setup),
        )

    def _smallest(self) -> Plan:
        rungs: dict[Role, Rung] = {
            role: min(ladder, key=lambda each: each.least_mb)
            for role, ladder in self.rungs.items()
            if ladder and role is not Role.TURN
        }
        need = min(rungs[Role.LLM].needs, key=lambda each: each.mb)
        loaded = [*self._with_levers((rungs, need))]
        smallest = loaded[0]  # work on a guess takes next to no memory
        least_mb = smallest.need_mb - REREAD * need.mapped_mb
        return replace(smallest, lacks_mb=max(0.0, least_mb - self._all_free_mb))

    def _llm_threads(self, part: float) -> int:
        return max(1, ceil(self.threads * part))


def headroom_mb(device: Device) -> float:
    """Return the memory of ``device`` that stays free."""
    total = device.memory_total_mb or device.memory_free_mb or 0.0
    return min(max(total * HEADROOM_SHARE, HEADROOM_MB[0]), HEADROOM_MB[1])


def _threads(device: Device) -> int:
    """Return the LLM's threads: as many as there are fast cores, but one is left for the voice.

    With as many threads as cores, writing fell to a tenth of its speed while STT or TTS ran.
    """
    granted = int(device.granted_cores)
    spare = device.cores > device.fast_cores and granted >= device.fast_cores
    return min(MOST_THREADS, max(1, granted if spare else granted - 1))


def _need_mb(rungs: dict[Role, Rung], need: Need) -> float:
    return need.mb + sum(rung.least_mb for role, rung in rungs.items() if role is not Role.LLM)


def _each_cheaper(plans: list[Plan], levels: list[Plan]) -> list[Plan]:
    levels = list(levels)
    for each in plans:
        if not levels or each.cost.load <= levels[-1].cost.load * STEP:
            levels.append(each)
    return levels
