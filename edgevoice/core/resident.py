"""What is loaded, and the orders that lead from it to a plan."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from edgevoice.core.bundle import Role
from edgevoice.core.device import Device
from edgevoice.core.orders import (
    LoadModel,
    Order,
    SetSpeculation,
    SetThreads,
    SwapModel,
    Unload,
)
from edgevoice.core.plan_types import Plan
from edgevoice.core.plans import headroom_mb
from edgevoice.core.rung import Need, Rung


@dataclass(frozen=True, slots=True)
class _Model:
    rung: Rung
    need: Need
    threads: int


class Resident:
    """The models that are loaded, or on their way.

    Attributes:
        pending: roles whose orders to load were not answered yet.

    """

    def __init__(self) -> None:
        self.pending: set[Role] = set()
        self._models: dict[Role, _Model] = {}
        self._before: dict[Role, _Model | None] = {}
        self._live: tuple[object, ...] = ()

    @property
    def held_mb(self) -> float:
        """What the models take that are there."""
        there = (model for role, model in self._models.items() if role not in self.pending)
        return sum(model.need.mb for model in there)

    @property
    def roles(self) -> list[Role]:
        """The roles whose models are loaded, or on their way."""
        return list(self._models)

    def loaded(self, role: Role) -> None:
        """Know that an order was carried out."""
        self.pending.discard(role)

    def failed(self, role: Role) -> None:
        """Know that an order was not: what was there before still is."""
        self.pending.discard(role)
        before = self._before.get(role)
        if before is None:
            self._models.pop(role, None)
        else:
            self._models[role] = before

    def live(self, wanted: Plan) -> Iterator[Order]:
        """Yield what can be set in the middle of a turn."""
        live = (wanted.speculation, wanted.partial_growth)
        if self._live != live:
            self._live = live
            yield SetSpeculation(*live)
        for role, model in self._models.items():
            threads = wanted.threads.get(role, model.threads)
            if wanted.rungs.get(role) == model.rung and threads != model.threads:
                self._models[role] = replace(model, threads=threads)
                yield SetThreads(role, threads)

    def swaps(self, wanted: Plan, device: Device, kept: Collection[Role] = ()) -> Iterator[Order]:
        """Yield what waits for the turn's end: first what frees memory, then what takes it.

        The models of the roles in ``kept`` stay.
        """
        yield from self.unload(role for role in self.roles if role not in wanted.rungs)
        for role, rung in wanted.rungs.items():
            need = wanted.need if role is Role.LLM else rung.needs[-1]
            model = _Model(rung, need, wanted.threads[role])
            before = self._models.get(role)
            if (
                role in kept
                or role in self.pending
                or (before and (before.rung, before.need) == (rung, need))
            ):
                continue
            self._before[role], self._models[role] = before, model
            self.pending.add(role)
            how = (rung.bundle, model.threads, need.context_tokens, need.kv_type)
            if before is None:
                yield LoadModel(role, *how)
            else:
                free_mb = device.memory_free_mb or 0.0
                yield SwapModel(role, *how, beside=need.mb + headroom_mb(device) <= free_mb)

    def unload(self, roles: Iterator[Role]) -> Iterator[Order]:
        """Yield the orders that free ``roles``."""
        for role in roles:
            del self._models[role]
            self.pending.discard(role)
            yield Unload(role)
