"""Lets the governor steer a talk: tells it what happens, and carries out what it orders."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Role
from edgevoice.core.commands import Command
from edgevoice.core.conversation import Conversation, Phase
from edgevoice.core.device import Device
from edgevoice.core.events import (
    Event,
    ModelChanged,
    SessionBegan,
    SpeculationChanged,
    WakeWordHeard,
)
from edgevoice.core.governor import Governor
from edgevoice.core.orders import (
    DeviceSampled,
    DropCaches,
    Fact,
    LoadFailed,
    LoadModel,
    ModelLoaded,
    Order,
    ReportShortage,
    SetSpeculation,
    SetThreads,
    SwapModel,
    TurnBegan,
    TurnEnded,
    Unload,
)
from edgevoice.core.speculation import Speculation, lesser
from edgevoice.core.squeeze import need
from edgevoice.core.turn_taking import TurnTaking
from edgevoice.errors import EdgeVoiceError, ModelDoesNotFit
from edgevoice.runtime import free_memory, machine
from edgevoice.runtime.assistant import Assistant
from edgevoice.runtime.device.sensors import PERIOD_S
from edgevoice.runtime.gauge import Gauge
from edgevoice.runtime.lane import Job
from edgevoice.runtime.models import How, Shelf
from edgevoice.runtime.stage import Stage

HURRIED_S = 1.0
"""Between two samples while memory is short: it goes within seconds."""


class Sampler(Protocol):
    """Samples the device; ``Sensors`` does."""

    def sample(self, at: float) -> Device:
        """Return the device at the time ``at``."""
        ...


class Governing:
    """Goes along with one talk. All but sampling happens in the conversation's thread.

    Attributes:
        on_sample: told of each sample of the device.

    """

    def __init__(
        self,
        governor: Governor,
        assistant: Assistant,
        shelf: Shelf,
        sensors: Sampler,
        gauge: Gauge,
        notice: Callable[[str], None],
        *,
        most: Speculation = "draft",
        growth: float = TurnTaking().partial_growth,
        fixed_threads: bool = False,
    ) -> None:
        """``most`` is the speculation that the user allows, ``growth`` that of its partials."""
        self.on_sample: list[Callable[[Device], None]] = []
        self._governor = governor
        self._assistant = assistant
        self._shelf = shelf
        self._sensors = sensors
        self._gauge = gauge
        self._notice = notice
        self._most: Speculation = most
        self._growth = growth
        self._fixed_threads = fixed_threads
        self._in_turn = False
        self._at_rest: list[Callable[[], None]] = []
        self._stopped = threading.Event()
        self._hurried = False

    def begin(self, orders: Sequence[Order]) -> None:
        """Take over after the first plan: its models are being loaded by the assistant itself."""
        for order in orders:
            if isinstance(order, LoadModel):
                self._governor.step(ModelLoaded(self._assistant.now(), order.role, order.bundle))
            else:
                self._carry_out(order)

    def observe(
        self, event: Event, commands: Sequence[Command], conversation: Conversation
    ) -> None:
        """Take a step of the conversation."""
        del commands
        if isinstance(event, SessionBegan):
            threading.Thread(target=self._watch, name="governor", daemon=True).start()
        in_turn = conversation.phase is not Phase.IDLE
        if isinstance(event, WakeWordHeard) and not in_turn:
            # Models come back while the user goes on; the call alone is no turn.
            self.tell(TurnBegan(event.at))
            self.tell(TurnEnded(event.at))
        if in_turn and not self._in_turn:
            self._in_turn = True
            self.tell(TurnBegan(event.at))
        elif self._in_turn and not in_turn:
            self._in_turn = False
            waiting, self._at_rest = self._at_rest, []
            for call in waiting:
                call()
            self.tell(TurnEnded(event.at, self._gauge.take()))

    def tell(self, fact: Fact) -> None:
        """Let the governor know, and do what it orders."""
        for order in self._governor.step(fact):
            self._carry_out(order)

    def close(self) -> None:
        """Sample no more."""
        self._stopped.set()

    # The device.

    def _watch(self) -> None:
        while not self._stopped.wait(HURRIED_S if self._hurried else PERIOD_S):
            device = self._sensors.sample(self._assistant.now())
            self._hurried = bool(need(device))
            self._assistant.call(partial(self._sampled, device))

    def _sampled(self, device: Device) -> None:
        for told in self.on_sample:
            told(device)
        self.tell(DeviceSampled(device))

    # The orders.

    def _carry_out(self, order: Order) -> None:
        match order:
            case LoadModel() | SwapModel():
                self._load(order)
            case Unload(role=role):
                self._unload(role)
            case SetThreads(threads=threads, role=Role.LLM) if not self._fixed_threads:
                self._assistant.llm.submit(Job(0, partial(_set_threads, threads), CancelScope()))
            case SetSpeculation(speculation=wanted, partial_growth=growth):
                speculation = lesser(wanted, self._most)
                growth = max(growth, self._growth) if speculation != "draft" else self._growth
                now = self._assistant.now()
                self._assistant.post(SpeculationChanged(now, speculation, growth))
            case DropCaches():
                free_memory.give_back()
            case ReportShortage(need_mb=need_mb, free_mb=free_mb):
                self._notice(f"The models need {need_mb:.0f} MB and {free_mb:.0f} MB are free.")
            case _:
                pass

    def _load(self, order: LoadModel | SwapModel) -> None:
        """Load the model on a thread of its own; the answer comes as a call."""
        how = How(order.threads, order.context_tokens, order.kv_type)
        began = time.monotonic()

        def load() -> Any:
            free_memory.give_back()  # what the model before held
            self._admit(order.role, order.bundle, how)
            return self._shelf.load(order.role, order.bundle, how)

        def answer(error: BaseException | None) -> None:
            took_s = time.monotonic() - began
            self._assistant.call(partial(self._answered, order, error, took_s))

        if order.role not in (Role.STT, Role.LLM, Role.TTS):
            threading.Thread(target=self._load_for_ears, args=(load, answer), daemon=True).start()
        elif isinstance(order, SwapModel) and order.beside:
            self._stage(order.role).load_beside(load, answer)
        else:
            if isinstance(order, SwapModel):
                self._notice(f"{order.role}: changing to {order.bundle}; a reply may wait for it.")
            self._stage(order.role).load(load, answer)

    def _load_for_ears(
        self, load: Callable[[], Any], answer: Callable[[BaseException | None], None]
    ) -> None:
        try:
            model = load()
        except Exception as error:  # noqa: BLE001 - whatever it is, the governor shall know
            answer(error)
            return
        self._assistant.ears.turn_end = model
        answer(None)

    def _admit(self, role: Role, bundle: str, how: How) -> None:
        """Refuse to load what the memory cannot hold at this very moment."""
        free = machine.memory()
        need_mb = self._shelf.least_mb(role, bundle, how)
        if free is not None and need_mb > free.free_mb:
            raise ModelDoesNotFit(bundle, need_mb=need_mb, free_mb=free.free_mb)

    def _answered(
        self, order: LoadModel | SwapModel, error: BaseException | None, took_s: float
    ) -> None:
        role, beside = order.role, isinstance(order, SwapModel) and order.beside
        if error is not None:
            said = error.problem if isinstance(error, EdgeVoiceError) else str(error)
            self._notice(f"{role}: {order.bundle} was not loaded: {said}")
            if beside:
                self._stage(role).discard()
            for_good = not isinstance(error, ModelDoesNotFit | MemoryError)
            now = self._assistant.now()
            self.tell(LoadFailed(now, role, order.bundle, for_good=for_good))
        elif beside:
            self._when_at_rest(partial(self._switched, order, took_s))
        else:
            self._changed(order, took_s)

    def _switched(self, order: LoadModel | SwapModel, took_s: float) -> None:
        self._stage(order.role).switch()
        self._changed(order, took_s)

    def _changed(self, order: LoadModel | SwapModel, took_s: float) -> None:
        now, role = self._assistant.now(), order.role
        if isinstance(order, SwapModel):
            self._notice(f"{role}: {order.bundle} from now on, after {took_s:.1f} s of loading.")
        self._assistant.post(ModelChanged(now, str(role), order.bundle))
        self.tell(ModelLoaded(now, role, order.bundle))
        free_memory.give_back()

    def _when_at_rest(self, call: Callable[[], None]) -> None:
        if self._in_turn:
            self._at_rest.append(call)
        else:
            call()

    def _unload(self, role: Role) -> None:
        if role is Role.TURN:
            self._assistant.ears.turn_end = None
        elif role in (Role.STT, Role.LLM, Role.TTS):
            self._stage(role).unload()
        free_memory.give_back()

    def _stage(self, role: Role) -> Stage[Any]:
        assistant = self._assistant
        stages: dict[Role, Stage[Any]] = {
            Role.STT: assistant.stt,
            Role.LLM: assistant.llm,
            Role.TTS: assistant.tts,
        }
        return stages[role]


def _set_threads(threads: int, llm: Any, scope: CancelScope) -> Any:
    """Change an LLM's threads: a job, between two others."""
    del scope
    if change := getattr(llm, "set_threads", None):
        change(threads)
    yield from ()
