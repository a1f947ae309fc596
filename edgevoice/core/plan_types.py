"""A plan as a value: what to run, why, and what bound the choice."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from edgevoice.core.bundle import Role
from edgevoice.core.rung import Need, Rung
from edgevoice.core.speculation import Speculation
from edgevoice.core.turn_cost import Cost

TARGET_S = 2.0
"""Wait for the reply that a plan aims at: what pipecat's defaults take with a model a tenth the
size of the best on the ladder (PEERS)."""

IDLE_S = 300.0
"""Without a word for so long, models are unloaded until somebody speaks."""

NO_CACHES, NO_SPECULATION, SHORT_CONTEXT, NO_TURN_END, SMALLER = 1, 2, 3, 4, 5
"""Stages of giving back memory, each with those before it. The first and the last are not a plan's
business: caches are dropped by whoever has them, and a smaller rung comes of ``most_mb``."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What else binds a plan.

    Attributes:
        most_load: busy cores, on average, that may be caused: for heat, power, battery.
        squeeze: the stage of giving back memory, 0 for none.
        most_mb: memory that models may take, whatever seems free.
        held_mb: what the models that are loaded take: it counts as free for the next plan.
        target_s: wait for the reply to aim at.

    """

    most_load: float = inf
    squeeze: int = 0
    most_mb: float = inf
    held_mb: float = 0.0
    target_s: float = TARGET_S


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was chosen: ``limit`` is "memory", "latency", "heat" or "best"."""

    about: str
    chosen: str
    limit: str
    said: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        rungs: the bundle of each role; a role left out is done without.
        threads: of each role.
        need: how the LLM is loaded.
        speculation: what is done before the turn is sure to be over.
        partial_growth: as in ``TurnTaking``: how often partial transcripts are made.
        share: part of the time for which the device lets the threads run.
        need_mb: memory that all takes.
        cost: of a typical turn.
        loads: busy cores of each level there is, from the best plan to the cheapest.
        level: which of these this is.
        lacks_mb: memory that even the smallest plan lacks, 0 when this one fits.
        why: the reasons for what is not the best there is.

    """

    rungs: dict[Role, Rung]
    threads: dict[Role, int]
    need: Need
    speculation: Speculation
    partial_growth: float
    share: float
    need_mb: float
    cost: Cost
    loads: tuple[float, ...] = ()
    level: int = 0
    lacks_mb: float = 0.0
    why: tuple[Reason, ...] = field(default=(), compare=False)

    @property
    def bundles(self) -> dict[Role, str]:
        """The names of the bundles."""
        return {role: rung.bundle for role, rung in self.rungs.items()}
