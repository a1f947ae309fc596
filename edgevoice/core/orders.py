"""What the governor is told, past tense, and what it orders, imperative.

``at`` is the time in seconds on the talk's clock. Each ``LoadModel`` and ``SwapModel`` is answered
once, by ``ModelLoaded`` or ``LoadFailed``: until then the governor makes no new plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgevoice.core.bundle import Role
from edgevoice.core.device import Device
from edgevoice.core.rung import Speed
from edgevoice.core.speculation import Speculation


@dataclass(frozen=True, slots=True)
class DeviceSampled:
    """The device was sampled; the time is the sample's own."""

    device: Device


@dataclass(frozen=True, slots=True)
class TurnBegan:
    """Somebody speaks, or called the wake word."""

    at: float


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The reply was heard or cancelled. ``measured`` has the speeds of the bundles that worked."""

    at: float
    measured: Mapping[str, Speed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelLoaded:
    """An order to load, or to swap, was carried out."""

    at: float
    role: Role
    bundle: str


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """It could not be; the model that was there before, if any, is still there.

    ``for_good``: it would not work another time either; else memory was short at that moment.
    """

    at: float
    role: Role
    bundle: str
    for_good: bool = True


Fact = DeviceSampled | TurnBegan | TurnEnded | ModelLoaded | LoadFailed


@dataclass(frozen=True, slots=True)
class LoadModel:
    """Load a model where none is. For an LLM with this context and type of its cache."""

    role: Role
    bundle: str
    threads: int
    context_tokens: int = 0
    kv_type: str = ""


@dataclass(frozen=True, slots=True)
class SwapModel:
    """Put a model in the place of another, between turns.

    ``beside``: memory allows to load it first and to switch then, so that nobody waits.
    """

    role: Role
    bundle: str
    threads: int
    context_tokens: int = 0
    kv_type: str = ""
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Unload:
    """Free the model of a role, between turns."""

    role: Role


@dataclass(frozen=True, slots=True)
class SetThreads:
    """Compute with so many threads from now on, also in the middle of a turn."""

    role: Role
    threads: int


@dataclass(frozen=True, slots=True)
class SetSpeculation:
    """Do so much on a guess from the next turn on; let partial transcripts grow by the factor."""

    speculation: Speculation
    partial_growth: float


@dataclass(frozen=True, slots=True)
class DropCaches:
    """Forget what was kept only to be faster: voiced clauses, saved prefixes, free arenas."""


@dataclass(frozen=True, slots=True)
class ReportShortage:
    """Tell the user that no plan fits: what the smallest one needs, what is free."""

    need_mb: float
    free_mb: float


Order = LoadModel | SwapModel | Unload | SetThreads | SetSpeculation | DropCaches | ReportShortage
