"""A talk in virtual time: the real conversation and the real plan, on a simulated device.

Each lane does its work at the device's speed, the work warms the device, and a policy decides.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from bench.simulate.body import Heat
from bench.simulate.desk import Desk
from bench.simulate.lanes import Lanes
from bench.simulate.policies import Policy
from bench.simulate.user import User
from bench.simulate.voice import Heard, Voice
from edgevoice.core.commands import (
    CancelTurn,
    Command,
    Generate,
    HoldVoice,
    PlayVoice,
    Prefill,
    ResumeVoice,
    ScoreTurnEnd,
    SetTimer,
    Speak,
    Transcribe,
    TranscribePartial,
)
from edgevoice.core.conversation import Conversation, Phase
from edgevoice.core.device import Throttling
from edgevoice.core.events import Event, SessionBegan, TimerFired, VoiceStarted
from edgevoice.core.orders import (
    DeviceSampled,
    Fact,
    LoadModel,
    ModelLoaded,
    Order,
    SetSpeculation,
    SetThreads,
    SwapModel,
    TurnBegan,
    TurnEnded,
    Unload,
)
from edgevoice.core.rung import Rungs
from edgevoice.core.turn_taking import TurnTaking
from edgevoice.runtime.device.file import DeviceFile
from edgevoice.runtime.device.sensors import PERIOD_S

TICK_S = 1.0
"""Heat is reckoned at least so often."""

LOAD_MB_S = 300.0
"""How fast a model is read in (assumed: from a card, part of it in the cache)."""


@dataclass
class Outcome:
    """What became of the talk.

    Attributes:
        heard: the tokens that were heard, and by whom.
        latencies: when a reply became audible, and after how long, in seconds.
        course: time, temperature, level of the plan, clock, at each sample.
        cpu_s: core seconds of all work.

    """

    heard: Heard
    latencies: list[tuple[float, float]] = field(default_factory=list)
    course: list[tuple[float, float, int, float]] = field(default_factory=list)
    cpu_s: float = 0.0


class Talk:
    """One talk, with one policy, on one device.

    ``seed`` decides what the user says; ``instant`` that models are swapped in no time.
    """

    def __init__(
        self,
        told: DeviceFile,
        rungs: Rungs,
        heat: Heat,
        policy: Policy,
        seed: int = 1,
        *,
        instant: bool = False,
    ) -> None:
        self.now = 0.0
        self._instant = instant
        self._told = told
        self._heat = heat
        self._policy = policy
        self._user = User(seed)
        self._lanes = Lanes(told.device.fast_cores)
        self._voice = Voice(self.post, self.later)
        by_name = {rung.bundle: rung for ladder in rungs.values() for rung in ladder}
        self._desk = Desk(self, told, by_name, self._lanes, self._user, self._voice)
        self._outcome = Outcome(self._voice.heard)
        self._conversation = Conversation("Be brief.", TurnTaking(), "draft")
        self._asked: SetSpeculation | None = None
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._timers: dict[str, float] = {}
        self._switches: list[Callable[[], None]] = []
        self._sampled_s = 0.0
        self._in_turn = False

    def run(self, seconds: float) -> Outcome:
        """Talk for so long."""
        self._sample()
        self.post(SessionBegan(0.0))
        self.later(2.0, self._user_speaks)
        while self.now < seconds:
            self._pass(min(seconds - self.now, TICK_S))
        self._outcome.cpu_s = self._lanes.work_s
        return self._outcome

    def later(self, seconds: float, happen: Callable[[], None]) -> None:
        """Let ``happen`` be called after ``seconds``."""
        heapq.heappush(self._heap, (self.now + max(0.0, seconds), next(self._order), happen))

    def post(self, event: Event, seconds: float = 0.0) -> None:
        """Let ``event`` arrive after ``seconds``."""
        self.later(seconds, lambda: self._take(replace(event, at=self.now)))

    def _pass(self, at_most: float) -> None:
        clock = self._heat.clock
        until_next = self._heap[0][0] - self.now if self._heap else at_most
        step = max(0.0, min(at_most, until_next, self._lanes.next_end(clock)))
        self._heat.advance(step, self._lanes.busy())
        self.now += step
        for done in self._lanes.advance(step, clock):
            done()
        while self._heap and self._heap[0][0] <= self.now + 1e-9:
            heapq.heappop(self._heap)[2]()

    # The user and the conversation.

    def _user_speaks(self) -> None:
        if self._asked is not None:
            rules = replace(TurnTaking(), partial_growth=self._asked.partial_growth)
            turn = self._conversation.turn
            self._conversation = Conversation("Be brief.", rules, self._asked.speculation)
            self._conversation.turn = turn
            self._asked = None
        self._in_turn = True
        self._tell(TurnBegan(self.now))
        self._desk.new_utterance()
        for event in self._user.speak(self.now):
            self.post(event, event.at - self.now)

    def _take(self, event: Event) -> None:
        if isinstance(event, VoiceStarted):
            self._outcome.latencies.append((self.now, self.now - self._user.until))
        for command in self._conversation.step(event):
            self._obey(command)
        idle = self._conversation.phase is Phase.IDLE and self.now > self._user.until
        if idle and self._in_turn:
            self._in_turn = False
            switches, self._switches = self._switches, []
            for switch in switches:
                switch()
            self._tell(TurnEnded(self.now, self._desk.take_measured()))
            self.later(self._user.rest_s(), self._user_speaks)

    def _obey(self, command: Command) -> None:
        match command:
            case Transcribe(turn=turn, since=since):
                self._desk.transcribe(turn, since, partial=False)
            case TranscribePartial(turn=turn, since=since):
                self._desk.transcribe(turn, since, partial=True)
            case ScoreTurnEnd(turn=turn):
                self._desk.score(turn)
            case Prefill(turn=turn, messages=messages):
                asks = messages[-1].role == "user"
                self._desk.read(turn, len(messages[-1].text.split()) if asks else 0)
            case Generate(turn=turn, messages=messages):
                self._desk.write(turn, len(messages[-1].text.split()))
            case Speak(turn=turn, clause=clause, text=text):
                self._desk.speak(turn, clause, len(text.split()))
            case PlayVoice(turn=turn):
                self._voice.play(turn)
            case HoldVoice():
                self._voice.hold()
            case ResumeVoice():
                self._voice.resume()
            case CancelTurn(turn=turn):
                self._lanes.cancel(turn)
                self._voice.drop(turn)
            case SetTimer(name=name, at=at):
                self._timers[name] = at
                self.later(at - self.now, lambda: self._fire(name, at))
            case _:
                pass

    def _fire(self, name: str, at: float) -> None:
        if self._timers.get(name) == at:
            del self._timers[name]
            self._take(TimerFired(self.now, name))

    # The device and the policy.

    def _sample(self) -> None:
        work_s, self._sampled_s = self._lanes.work_s - self._sampled_s, self._lanes.work_s
        clock = self._heat.clock
        device = replace(
            self._told.device,
            at=self.now,
            temperatures=(self._heat.reading(),),
            busy_cores=work_s / PERIOD_S,
            clock_limit=clock,
            throttling=Throttling(frozenset({"throttled"} if clock < 1 else ())),
            memory_free_mb=self._told.machine.memory_free_mb - self._desk.held_mb,
        )
        self._tell(DeviceSampled(device))
        level = self._policy.plan.level if self._policy.plan else 0
        self._outcome.course.append((self.now, self._heat.celsius, level, clock))
        self.later(PERIOD_S, self._sample)

    def _tell(self, fact: Fact) -> None:
        for order in self._policy.step(fact):
            self._carry_out(order)

    def _carry_out(self, order: Order) -> None:
        match order:
            case LoadModel(role=role, bundle=bundle, threads=threads):
                self._desk.take(role, bundle, threads)
                self._tell(ModelLoaded(self.now, role, bundle))
            case SwapModel(role=role, bundle=bundle, threads=threads, beside=beside):
                seconds = 0.0 if self._instant else self._desk.mb(bundle) / LOAD_MB_S

                def switch() -> None:
                    self._desk.take(role, bundle, threads, knowing=beside or self._instant)
                    self._tell(ModelLoaded(self.now, role, bundle))

                def loaded() -> None:
                    if self._in_turn:
                        self._switches.append(switch)
                    else:
                        switch()

                self._desk.load(bundle, seconds, loaded, beside=beside)
            case Unload(role=role):
                self._desk.drop(role)
            case SetThreads(role=role, threads=threads):
                self._desk.set_threads(role, threads)
            case SetSpeculation():
                self._asked = order
            case _:
                pass
