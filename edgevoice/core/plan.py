"""Which models to run, and how: a pure function of the device and of what there is to choose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from edgevoice.core.bundle import Role
from edgevoice.core.device import Device
from edgevoice.core.plan_types import NO_SPECULATION, NO_TURN_END, Limits, Plan, Reason
from edgevoice.core.plans import Choice
from edgevoice.core.rung import Rung, Rungs, Speeds, with_guesses

SLACK = 1.05
"""A level that was held stays when its load, as measured, comes out this much higher."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rung, and what the plan would be with it.

    ``assumed`` tells that a speed in it was not measured; ``limit`` is as in ``Reason``.
    """

    rung: Rung
    runs: bool
    need_mb: float
    latency_s: float
    load: float
    assumed: bool
    limit: str
    said: str


def plan(
    device: Device,
    rungs: Rungs,
    current: Plan | None = None,
    speeds: Speeds | None = None,
    limits: Limits | None = None,
) -> Plan:
    """Return the best plan that fits the memory, keeps the target and causes no more than the load.

    ``rungs`` has at least one bundle for STT, LLM and TTS. ``current`` gives the plan its inertia:
    what runs is kept unless it must go, or something clearly better can come.
    """
    choice = _choice(device, rungs, current, speeds, limits)
    levels = choice.levels()
    most = choice.limits.most_load * SLACK
    level = next((i for i, each in enumerate(levels) if each.cost.load <= most), len(levels) - 1)
    loads = tuple(each.cost.load for each in levels)
    chosen = replace(levels[level], level=level, loads=loads)
    return replace(chosen, why=tuple(_reasons(choice, chosen)))


def survey(
    device: Device,
    rungs: Rungs,
    chosen: Plan,
    speeds: Speeds | None = None,
    limits: Limits | None = None,
) -> list[Verdict]:
    """Return a verdict on every rung, each judged beside the rest of ``chosen``."""
    choice = _choice(device, rungs, None, speeds, limits)
    return [_verdict(choice, chosen, rung) for ladder in rungs.values() for rung in ladder]


def _choice(
    device: Device,
    rungs: Rungs,
    current: Plan | None,
    speeds: Speeds | None,
    limits: Limits | None,
) -> Choice:
    return Choice(device, rungs, with_guesses(rungs, speeds or {}), current, limits or Limits())


def _verdict(choice: Choice, chosen: Plan, rung: Rung) -> Verdict:
    runs = chosen.rungs.get(rung.role) == rung
    other = chosen if runs else choice.with_rung(chosen, rung)
    limit, said = ("", "runs") if runs else _limit(choice, chosen, other)
    cost = other.cost
    need_mb = other.need.mb if rung.role is Role.LLM else rung.least_mb
    assumed = choice.is_assumed(other)
    return Verdict(rung, runs, need_mb, cost.latency_s, cost.load, assumed, limit, said)


def _limit(choice: Choice, chosen: Plan, other: Plan) -> tuple[str, str]:
    """Return what keeps ``other`` from being chosen, in one word and in numbers."""
    target_s, most_load = choice.limits.target_s, choice.limits.most_load
    if not choice.fits(other):
        said = f"all would take {other.need_mb:.0f} MB of {max(0.0, choice.budget_mb):.0f}"
        return "memory", said
    if not choice.is_timely(other) and other.cost.lag > 1:
        return "latency", f"it would stutter: {other.cost.lag:.1f} s of work a second"
    if not choice.is_timely(other):
        return "latency", f"reply after {other.cost.latency_s:.1f} s; the target is {target_s:.1f}"
    if other.cost.load > most_load:
        return "heat", f"{other.cost.load:.2f} cores busy; {most_load:.2f} are borne"
    if other.cost.load > chosen.cost.load and chosen.level:
        return "heat", "a level above the present one"
    return "", "could run"


def _reasons(choice: Choice, chosen: Plan) -> Iterator[Reason]:
    if chosen.lacks_mb:
        said = f"{chosen.need_mb:.0f} MB are needed, {chosen.lacks_mb:.0f} MB are lacking"
        yield Reason("memory", "the smallest bundles", "memory", said)
    elif chosen.need_mb > choice.budget_mb:
        said = f"{choice.budget_mb:.0f} MB are free: weights are read from the disk again and again"
        yield Reason("memory", "the smallest bundles", "memory", said)
    for role, ladder in choice.rungs.items():
        rung = chosen.rungs.get(role)
        better = ladder[: ladder.index(rung)] if rung else ladder
        for above in better:
            limit, said = _limit(choice, chosen, choice.with_rung(chosen, above))
            if role is Role.TURN and choice.limits.squeeze >= NO_TURN_END:
                limit, said = "memory", "given back with what is not needed"
            yield Reason(
                str(role), rung.bundle if rung else "none", limit, f"{above.bundle}: {said}"
            )
    if chosen.speculation != "draft":
        squeezed = choice.limits.squeeze >= NO_SPECULATION
        limit = "memory" if squeezed else "heat" if chosen.level else "latency"
        yield Reason("speculation", chosen.speculation, limit, "less is done on a guess")
    if chosen.threads[Role.LLM] < choice.threads:
        yield Reason("threads", str(chosen.threads[Role.LLM]), "heat", "fewer cores keep cooler")
    best = chosen.rungs[Role.LLM].needs[0]
    if chosen.need != best:
        said = f"{best.context_tokens} tokens in {best.kv_type} would take {best.mb:.0f} MB"
        shown = f"{chosen.need.context_tokens} tokens, {chosen.need.kv_type}"
        yield Reason("context", shown, "memory", said)
