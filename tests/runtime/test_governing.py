"""A governed talk with fake models, in virtual time: what the device does, what comes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from edgevoice.backends.protocols import Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Role
from edgevoice.core.commands import Command
from edgevoice.core.conversation import Conversation
from edgevoice.core.device import Device
from edgevoice.core.events import (
    ClauseHeard,
    Event,
    ModelChanged,
    SpeculationChanged,
    SpeechEnded,
    VoiceStarted,
)
from edgevoice.core.governor import Governor, Wish
from edgevoice.core.history import Message
from edgevoice.core.orders import DeviceSampled, LoadModel, SwapModel
from edgevoice.core.rung import Rungs
from edgevoice.core.speculation import Speculation
from edgevoice.errors import ModelDoesNotFit
from edgevoice.runtime.assistant import Assistant
from edgevoice.runtime.gauge import Gauge
from edgevoice.runtime.governing import Governing
from edgevoice.runtime.models import How
from tests.core.rungs import RUNGS, SPEEDS, device
from tests.runtime.fakes import Beeps, Echo, HearsInOrder, assistant, run, spoken


class Pen(Echo):
    """An LLM that remembers what it was given to read ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[list[str]] = []

    def prefill(self, messages: Sequence[Message], scope: CancelScope) -> int:
        self.read.append([message.text for message in messages])
        return 0


class Shelf:
    """Loads fake models, and remembers which."""

    def __init__(self) -> None:
        self.loaded: list[tuple[Role, str, How]] = []
        self.pens: dict[str, Pen] = {}
        self.refuses: set[str] = set()
        self.least = 0.0

    def least_mb(self, role: Role, name: str, how: How) -> float:
        return self.least

    def load(self, role: Role, name: str, how: How | None = None) -> Any:
        self.loaded.append((role, name, how or How()))
        if name in self.refuses:
            raise ModelDoesNotFit(name, need_mb=2, free_mb=1)
        if role is Role.LLM:
            return self.pens.setdefault(name, Pen())
        return HearsInOrder("Again?") if role is Role.STT else Beeps()


class NoSensors:
    def sample(self, at: float) -> Device:
        raise AssertionError("the test samples itself")


class Governed:
    """A talk that hears one or two questions, governed; the test says what the device does when."""

    def __init__(
        self,
        recording: Samples,
        *,
        rungs: Rungs = RUNGS,
        wish: Wish | None = None,
        most: Speculation = "draft",
        start: Device | None = None,
    ) -> None:
        self.shelf = Shelf()
        self.notices: list[str] = []
        self.events: list[Event] = []
        self._script: list[tuple[Callable[[Event], bool], Callable[[], None]]] = []
        governor = Governor(rungs, SPEEDS, wish)
        orders = governor.step(DeviceSampled(start or device(4000)))
        first = next(o.bundle for o in orders if isinstance(o, LoadModel) and o.role is Role.LLM)
        self.talk: Assistant = assistant(
            recording,
            stt=lambda: HearsInOrder("How are you?", "And you?"),
            llm=lambda: self.shelf.load(Role.LLM, first),
        )
        self.governing = Governing(
            governor,
            self.talk,
            self.shelf,  # type: ignore[arg-type]  # it has what is used of a shelf
            NoSensors(),
            Gauge(),
            self.notices.append,
            most=most,
        )
        self.talk.observers += [self.governing.observe, self._observe]
        self.governing.begin(orders)
        self.governing.close()  # no samples but the test's

    def when(self, kind: type, do: Callable[[], None]) -> None:
        """Let ``do`` happen once at the first event of ``kind``."""
        self._script.append((lambda event: isinstance(event, kind), do))

    def sample(self, sampled: Device) -> None:
        self.governing.tell(DeviceSampled(replace(sampled, at=self.talk.now())))

    def _observe(
        self, event: Event, commands: Sequence[Command], conversation: Conversation
    ) -> None:
        self.events.append(event)
        due = [do for happens, do in self._script if happens(event)]
        self._script = [each for each in self._script if not each[0](event)]
        for do in due:
            self.talk.call(do)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


ONE = spoken((1.0, 1.6), total_s=4.0)
TWO = spoken((1.0, 1.6), (8.0, 8.6), total_s=12.0)
"""Too short for partial transcripts."""
TIGHT = replace(device(70), memory_total_mb=1500)
"""The large LLM has no room any more, and the small one none beside it."""
ROOM_BESIDE = replace(device(600), memory_total_mb=1500)
"""The large LLM has no room any more, but the small one has, before the large one goes."""


def swaps(governed: Governed) -> list[tuple[str, str]]:
    return [(each.stage, each.bundle) for each in governed.of(ModelChanged)]


@pytest.mark.parametrize("sampled", [TIGHT, ROOM_BESIDE], ids=["in its place", "beside"])
def test_a_smaller_llm_comes_at_the_turn_s_end_and_knows_the_talk(sampled: Device) -> None:
    governed = Governed(TWO)
    governed.when(SpeechEnded, lambda: governed.sample(sampled))
    run(governed.talk)
    large, small = governed.shelf.pens["large"], governed.shelf.pens["small"]
    assert len(large.asked) == 1
    assert small.read[0] == ["Be brief.", "How are you?", "This is fine."]
    assert [message.text for message in small.asked[0]] == [*small.read[0], "And you?"]
    assert ("llm", "small") in swaps(governed)
    assert len(governed.talk.conversation.history) == 4


def test_what_was_loaded_beside_waits_for_the_end_of_a_turn_that_began_meanwhile() -> None:
    governed = Governed(ONE)
    order = SwapModel(Role.LLM, "small", 1, beside=True)
    governed.when(SpeechEnded, lambda: governed.governing._answered(order, None, 1.0))
    run(governed.talk)
    kinds = [type(event) for event in governed.events]
    assert swaps(governed) == [("llm", "small")]
    assert kinds.index(ModelChanged) > kinds.index(ClauseHeard)


def test_only_a_swap_that_may_be_waited_for_is_announced_before() -> None:
    announced = []
    for sampled in (TIGHT, ROOM_BESIDE):
        governed = Governed(TWO)
        governed.when(SpeechEnded, lambda governed=governed, now=sampled: governed.sample(now))  # type: ignore[misc]
        run(governed.talk)
        announced.append([n for n in governed.notices if n.startswith("llm: changing to small")])
        assert any(n.startswith("llm: small from now on") for n in governed.notices)
    assert [len(each) for each in announced] == [1, 0]


def test_the_plan_says_how_a_model_is_loaded() -> None:
    governed = Governed(TWO)
    governed.when(SpeechEnded, lambda: governed.sample(TIGHT))
    run(governed.talk)
    (how,) = (how for role, name, how in governed.shelf.loaded if name == "small")
    assert how.threads == 3
    assert how.kv_type in {"f16", "q8_0"}
    assert how.context_tokens >= 1024


def test_a_model_for_which_memory_is_short_leaves_the_talk_as_it_was() -> None:
    governed = Governed(TWO)
    governed.shelf.refuses = {"small"}
    governed.when(SpeechEnded, lambda: governed.sample(TIGHT))
    run(governed.talk)
    assert len(governed.shelf.pens["large"].asked) == 2
    assert "llm: small was not loaded: small needs 2 MB and 1 MB are free." in governed.notices


def test_memory_is_looked_at_right_before_a_load(monkeypatch: pytest.MonkeyPatch) -> None:
    governed = Governed(TWO)
    governed.shelf.least = 1e9
    governed.when(SpeechEnded, lambda: governed.sample(TIGHT))
    run(governed.talk)
    assert len(governed.shelf.pens["large"].asked) == 2
    assert "small" not in [name for _, name, _ in governed.shelf.loaded]


@pytest.mark.parametrize(("most", "speculation"), [("draft", "prefill"), ("off", "off")])
def test_a_quota_changes_speculation_at_once_within_what_the_user_allows(
    most: Speculation, speculation: Speculation
) -> None:
    governed = Governed(ONE, most=most)
    governed.when(SpeechEnded, lambda: governed.sample(device(4000, share=1.0)))
    run(governed.talk)
    changes = [type(event) for event in governed.events]
    assert governed.of(SpeculationChanged)[-1].speculation == speculation
    assert SpeculationChanged in changes[: changes.index(VoiceStarted)]


def test_idle_models_go_and_come_back_with_the_next_word() -> None:
    governed = Governed(TWO, wish=Wish(idle_s=20.0))

    def later() -> None:
        idle = replace(device(4000), at=governed.talk.now() + 30)
        governed.governing.tell(DeviceSampled(idle))
        stages: list[Any] = [governed.talk.stt, governed.talk.llm, governed.talk.tts]
        assert [stage._lane for stage in stages] == [None, None, None]

    governed.talk.observers.append(_once_idle(governed, later))
    run(governed.talk)
    assert [role for role, _, _ in governed.shelf.loaded].count(Role.STT) == 1
    assert governed.talk.conversation.history[-1].text == "This is fine."
    assert governed.talk.conversation.history[-2].text == "Again?"


def _once_idle(governed: Governed, do: Callable[[], None]) -> Any:
    done = threading.Event()

    def observe(event: Event, commands: Sequence[Command], conversation: Conversation) -> None:
        if conversation.phase == "idle" and conversation.history and not done.is_set():
            done.set()
            governed.talk.call(do)

    return observe
