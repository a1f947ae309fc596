"""An item of the test set, heard by the real detector and conversation in virtual time.

A transcript and a score take no time. A reply is audible the moment it may be, but not before
the lanes can have made it; how long they take beyond that is told by ``bench.latency``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from bench.turn_set_item import OVER_THE_REPLY, Item
from bench.turns_evidence import Evidence
from edgevoice.core.commands import (
    CancelTurn,
    Command,
    Generate,
    HoldVoice,
    PlayVoice,
    ScoreTurnEnd,
    SetTimer,
    Transcribe,
)
from edgevoice.core.conversation import Conversation
from edgevoice.core.events import (
    ClauseWritten,
    Event,
    ReplyWritten,
    SpeechEnded,
    SpeechStarted,
    TimerFired,
    TranscriptReady,
    TurnEndScored,
    Typed,
    VoiceStarted,
    WordsHeard,
)
from edgevoice.core.speech_detector import SpeechDetector
from edgevoice.core.turn_taking import TurnTaking
from edgevoice.core.words import look
from edgevoice.runtime.jobs import PREROLL_S

FRAME_S = 0.032
"""Of the VAD."""

VOICE = "voice"
"""Among the timers: when the reply can be heard."""


def listen(
    frames: Iterable[tuple[float, float]], detector: SpeechDetector
) -> list[SpeechStarted | SpeechEnded]:
    """Return what a fresh ``detector`` says of frames, each a probability and a level in dB."""
    heard = (
        detector.step(probability, level_db, end := number * detector.frame_s, end)
        for number, (probability, level_db) in enumerate(frames, start=1)
    )
    return [event for event in heard if event]


LANES_S = 0.2
"""Between the fall of the user's voice and the first audio: less than any machine has needed."""


@dataclass(slots=True)
class Outcome:
    """What became of an item. Times in seconds.

    Attributes:
        falls: how often the user fell silent; each costs a transcript and a score.
        decided_at: when the turn was held to be over for the last time.
        decided_early: it was before the user was done, perhaps to be taken back in time.
        cut_off: a reply was audible before the user was done.
        held_at: when a reply was first held for what the user says over it.
        cancelled_at: when a reply was cancelled.

    """

    falls: int = 0
    decided_at: float | None = None
    decided_early: bool = False
    cut_off: bool = False
    held_at: float | None = None
    cancelled_at: float | None = None


class VirtualTalk:
    """One item and what comes of it."""

    def __init__(
        self,
        item: Item,
        evidence: Evidence,
        heard: list[SpeechStarted | SpeechEnded],
        rules: TurnTaking,
        lanes_s: float = LANES_S,
    ) -> None:
        self._item = item
        self._evidence = evidence
        self._conversation = Conversation("", rules, "draft")
        self._ears = deque(heard)
        self._facts: deque[Event] = deque()
        self._timers: dict[str, float] = {}
        self._lanes_s = lanes_s
        self._fell_at = -lanes_s
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Let it all happen."""
        end = len(self._item.samples) / 16_000
        if self._item.kind in OVER_THE_REPLY:
            self._facts += [Typed(0.0, "Go on.")]
        while (event := self._next()) and event.at <= end:
            if isinstance(event, SpeechEnded):
                self._outcome.falls += 1
                self._fell_at = event.at
            for command in self._conversation.step(event):
                self._obey(command, event.at)
        return self._outcome

    def _next(self) -> Event | None:
        """Return what comes next: facts at once, and speech before a timer of the same time."""
        if self._facts:
            return self._facts.popleft()
        name = min(self._timers, key=self._timers.__getitem__, default=None)
        if name and not (self._ears and self._ears[0].at <= self._timers[name]):
            at = self._timers.pop(name)
            return self._begin_voice(at) if name == VOICE else TimerFired(at, name)
        return self._ears.popleft() if self._ears else None

    def _obey(self, command: Command, now: float) -> None:
        outcome = self._outcome
        match command:
            case Transcribe(turn=turn, since=since):
                text = self._evidence.text(since - PREROLL_S, now)
                self._facts.append(TranscriptReady(now, turn, look(text), text))
            case ScoreTurnEnd(turn=turn, since=since):
                probability = self._evidence.score(since, now)
                self._facts.append(TurnEndScored(now, turn, probability))
            case Generate(turn=turn):
                self._facts.append(ClauseWritten(now, turn, 0, 20))
                self._facts.append(ReplyWritten(now, turn, 1))
            case PlayVoice():
                self._timers[VOICE] = max(now, self._fell_at + self._lanes_s)
                outcome.decided_at = now or None
                outcome.decided_early |= 0 < now < self._item.end_s
            case HoldVoice():
                outcome.held_at = outcome.held_at or now
            case CancelTurn():
                self._timers.pop(VOICE, None)
                outcome.cancelled_at = outcome.cancelled_at or now
            case SetTimer(name=name, at=at):
                self._timers[name] = max(at, now)
            case _:
                pass

    def _begin_voice(self, now: float) -> VoiceStarted:
        turn = self._conversation.turn
        self._outcome.cut_off |= 0 < now < self._item.end_s
        self._facts.append(WordsHeard(now, turn, 0, 1))
        return VoiceStarted(now, turn)
