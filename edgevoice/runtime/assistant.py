"""Carries out what the conversation decides: the loop, its lanes, its sound device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from edgevoice.backends.protocols import Llm, Stt, Tts, TurnEnd, Vad
from edgevoice.cancel import CancelScope
from edgevoice.core.commands import (
    CancelTurn,
    Command,
    EndSession,
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
from edgevoice.core.conversation import Conversation
from edgevoice.core.events import Event, JobFailed, SessionBegan
from edgevoice.core.speech_detector import SpeechDetector
from edgevoice.core.word_timing import heard_words
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.clock import Clock
from edgevoice.runtime.ears import Ears
from edgevoice.runtime.echo import EchoCanceller
from edgevoice.runtime.heard import Heard
from edgevoice.runtime.jobs import (
    Partials,
    generate,
    prefill,
    speak,
    transcribe,
    transcribe_partial,
)
from edgevoice.runtime.lane import Job
from edgevoice.runtime.loudspeaker import Loudspeaker
from edgevoice.runtime.mailbox import Call, Mailbox
from edgevoice.runtime.microphone import Microphone
from edgevoice.runtime.stage import Stage

POLL_S = 0.02
"""How often the loop looks at what the loudspeaker has played, while it plays."""

REST_S = 0.5
"""How often the loop looks at its lanes when nothing happens."""

STALL_LIMIT_S = {"stt": 30.0, "llm": 60.0, "tts": 30.0}
"""A job that yields nothing for this long is given up, and its lane begun anew. Several times
what a Raspberry Pi 4 needs for the longest utterance and prompt (FIELD: assumed, not measured)."""

Engine = TypeVar("Engine")

Observer = Callable[[Event, Sequence[Command], Conversation], None]
"""Called in the conversation's thread after each step."""


class SoundDevice(Protocol):
    """Moves audio between the world and the two near ends, on threads of its own."""

    input_rate: int
    output_rate: int

    def start(
        self, microphone: Microphone, loudspeaker: Loudspeaker, wake: Callable[[], None]
    ) -> None:
        """Begin. A device whose audio is the clock calls ``wake`` after each of its ticks."""
        ...

    def stop(self) -> None:
        """End, and write out what is to be written."""
        ...


class Companion(Protocol):
    """What goes along with a talk."""

    def close(self) -> None:
        """End."""
        ...


@dataclass(frozen=True)
class Loaders:
    """How to load each model; each is called in the thread that will use it."""

    vad: Callable[[], Vad]
    turn_end: Callable[[], TurnEnd] | None
    stt: Callable[[], Stt]
    llm: Callable[[], Llm]
    tts: Callable[[], Tts]


class _WorkAhead:
    """The work that a lane does on a guess: at most one job, which gives way to the next."""

    def __init__(self) -> None:
        self._scopes: dict[str, CancelScope] = {}

    def begin(self, stage: str, parent: CancelScope) -> CancelScope:
        """Return the scope of a new guess, in place of the last one."""
        self.cancel(stage)
        self._scopes[stage] = CancelScope(parent)
        return self._scopes[stage]

    def cancel(self, stage: str) -> None:
        """Give way to work that is sure."""
        if scope := self._scopes.pop(stage, None):
            scope.cancel()


class Assistant:
    """One talk. ``run`` in one thread; ``post`` and ``call`` from any.

    Attributes:
        conversation: what decides.
        observers: told of each step.
        companions: closed with the talk.
        stt, llm, tts: the stages that do the work; their models may be exchanged.
        ears: what hears.

    """

    def __init__(
        self,
        conversation: Conversation,
        loaders: Loaders,
        device: SoundDevice,
        clock: Clock,
        activity: Activity,
        *,
        max_tokens: int = 120,
        detector: SpeechDetector | None = None,
        longest_utterance_s: float = 60.0,
        cancel_echo: bool = False,
    ) -> None:
        self.conversation = conversation
        self.observers: list[Observer] = []
        self.companions: list[Companion] = []
        self._clock = clock
        self._activity = activity
        self._device = device
        self._max_tokens = max_tokens
        self._mailbox = Mailbox(clock, activity)
        self._session = CancelScope()
        self._scopes: dict[int, CancelScope] = {}
        self._ahead = _WorkAhead()
        self._partials = Partials()
        self._heard = Heard(capacity_s=longest_utterance_s + 5.0)
        echo = EchoCanceller(device.output_rate) if cancel_echo else None
        reference = echo.reference if echo else None
        self._loudspeaker = Loudspeaker(device.output_rate, heard_words, reference)
        self.stt = self._stage("stt", loaders.stt)
        self.llm = self._stage("llm", loaders.llm)
        self.tts = self._stage("tts", loaders.tts)
        vad = loaders.vad()
        self._detector = detector or SpeechDetector(frame_s=vad.frame_samples / 16_000)
        turn_end = loaders.turn_end() if loaders.turn_end else None
        self.ears = Ears(
            vad,
            turn_end,
            self._detector,
            self._heard,
            device.input_rate,
            echo,
            self._mailbox.post,
            clock,
            activity,
        )

    def now(self) -> float:
        """Return the time on the conversation's clock."""
        return self._clock.now()

    @property
    def gap_s(self) -> float:
        """How long the voice has stood still inside clauses, because their audio came too late."""
        return self._loudspeaker.gap_samples / self._loudspeaker.rate

    def post(self, event: Event) -> None:
        """Hand the conversation a fact from outside, such as ``Typed``."""
        self._mailbox.post(event)

    def call(self, call: Call) -> None:
        """Let ``call`` be made in the conversation's thread, between two events."""
        self._mailbox.call(call)

    def note(self, event: Event) -> None:
        """Show the observers a fact from which nothing follows; in the conversation's thread."""
        for observer in self.observers:
            observer(event, (), self.conversation)

    def run(self) -> None:
        """Talk until the conversation ends. Raises what kept a model from loading."""
        for stage in self._all_stages:
            stage.wait_loaded()
        self.ears.start()
        self._device.start(self.ears.microphone, self._loudspeaker, self._mailbox.wake)
        self.post(SessionBegan(self.now()))
        try:
            while self._step_once():
                pass
        finally:
            self.close()

    def close(self) -> None:
        """Stop all work and free the models."""
        for companion in self.companions:
            companion.close()
        self._session.cancel()
        self._device.stop()
        self.ears.close()
        for stage in self._all_stages:
            stage.close()

    @property
    def _all_stages(self) -> list[Stage[Any]]:
        return [self.stt, self.llm, self.tts]

    def _stage(self, name: str, load: Callable[[], Engine]) -> Stage[Engine]:
        return Stage(name, load, self._mailbox.post, self._clock, self._activity)

    def _step_once(self) -> bool:
        """Take one event, or a look at the loudspeaker. Returns False at the end of the talk."""
        event = self._mailbox.get(POLL_S if self._loudspeaker.busy else REST_S)
        if callable(event):
            event()
            return True
        events = [event] if event else self._loudspeaker.facts(self._clock.now()) + self._stalls()
        return all(list(map(self._take, events)))

    def _take(self, event: Event) -> bool:
        commands = self.conversation.step(event)
        for observer in self.observers:
            observer(event, commands, self.conversation)
        for command in commands:
            self._obey(command)
        return not any(isinstance(command, EndSession) for command in commands)

    def _obey(self, command: Command) -> None:
        match command:
            case Transcribe(turn=turn):
                self._ahead.cancel("stt")
                hear = partial(
                    transcribe,
                    command=command,
                    partials=self._partials,
                    heard=self._heard,
                    loudspeaker=self._loudspeaker,
                    clock=self._clock,
                )
                self.stt.submit(Job(turn, hear, self._scope(turn)))
            case TranscribePartial(turn=turn):
                guess = partial(
                    transcribe_partial,
                    command=command,
                    partials=self._partials,
                    heard=self._heard,
                    clock=self._clock,
                )
                self.stt.submit(Job(turn, guess, self._ahead.begin("stt", self._scope(turn))))
            case Prefill(turn=turn):
                read = partial(prefill, command=command, max_tokens=self._max_tokens)
                self.llm.submit(Job(turn, read, self._ahead.begin("llm", self._scope(turn))))
            case ScoreTurnEnd(turn=turn, since=since):
                self.ears.score(turn, since)
            case Generate(turn=turn):
                self._ahead.cancel("llm")
                write = partial(
                    generate, command=command, max_tokens=self._max_tokens, clock=self._clock
                )
                self.llm.submit(Job(turn, write, self._scope(turn)))
            case Speak(turn=turn):
                say = partial(
                    speak, command=command, loudspeaker=self._loudspeaker, clock=self._clock
                )
                self.tts.submit(Job(turn, say, self._scope(turn)))
            case PlayVoice(turn=turn):
                self._loudspeaker.play(turn)
            case HoldVoice():
                self._loudspeaker.hold()
            case ResumeVoice():
                self._loudspeaker.resume()
            case CancelTurn(turn=turn):
                self._loudspeaker.drop(turn)
                if scope := self._scopes.pop(turn, None):
                    scope.cancel()
            case SetTimer(name=name, at=at):
                self._mailbox.set_timer(name, at)
            case EndSession():
                self._session.cancel()

    def _scope(self, turn: int) -> CancelScope:
        if turn not in self._scopes:
            self._scopes = {turn: CancelScope(self._session)}
        return self._scopes[turn]

    def _stalls(self) -> list[Event]:
        """Give up jobs that no longer answer: their lanes are begun anew, with a fresh model."""
        given_up = [(stage, stage.give_up(STALL_LIMIT_S[stage.name])) for stage in self._all_stages]
        now = self._clock.now()
        return [
            JobFailed(now, turn, stage.name, "no answer")
            for stage, turn in given_up
            if turn is not None
        ]
