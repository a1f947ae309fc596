"""The only place that decides: ``step(event) -> commands``, pure.

An *attempt* is one try at a turn: from the user's first word to the last word of the reply
that they heard. It has a number, ``turn``. When the user speaks on after a pause, the attempt
is taken back whole and a new one begins; facts of the old one are stale from then on, and
dropped in the first line of ``step``, nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from edgevoice.core.commands import (
    CancelTurn,
    Command,
    EndSession,
    Generate,
    HoldVoice,
    PlayVoice,
    ResumeVoice,
    ScoreTurnEnd,
    SetTimer,
    Speak,
    Transcribe,
)
from edgevoice.core.events import (
    ClauseHeard,
    ClauseWritten,
    Event,
    HistoryTrimmed,
    InputEnded,
    JobFailed,
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
from edgevoice.core.history import Message
from edgevoice.core.turn_taking import TurnTaking, silence_needed
from edgevoice.core.words import Look

Speculation = Literal["off", "prefill", "draft"]

APOLOGIES = {
    "stt": "Sorry, I could not make that out.",
    "llm": "Sorry, I have no answer just now.",
}
"""Said aloud when a stage fails, so that the talk goes on."""


class Phase(StrEnum):
    """Whose turn it is."""

    IDLE = "idle"
    LISTENING = "listening"
    """The user speaks."""
    PAUSED = "paused"
    """The user has fallen silent; the turn may be over."""
    REPLYING = "replying"
    """The turn is over: the reply is being made, or spoken."""
    HELD = "held"
    """The user speaks over the reply; the voice waits for what this is."""


@dataclass(slots=True)
class Clause:
    """A clause of the reply and how many of its words were heard."""

    text: str
    words: int
    heard: int = 0
    done: bool = False

    @property
    def heard_text(self) -> str:
        """The words that were heard."""
        return self.text if self.done else " ".join(self.text.split()[: self.heard])


@dataclass(slots=True)
class Attempt:
    """All that is known of the present attempt at a turn. Times are on the conversation's clock."""

    since: float = 0.0
    until: float = 0.0
    text: str = ""
    look: Look | None = None
    probability: float | None = None
    generating: bool = False
    audible: bool = False
    written: bool = False
    clauses: list[Clause] = field(default_factory=list)
    interjection_since: float = 0.0
    interjection_until: float | None = None
    """None while the user still speaks over the reply."""

    @property
    def spoken(self) -> bool:
        """The reply was heard to its end."""
        return self.written and all(clause.done for clause in self.clauses)

    @property
    def heard_text(self) -> str:
        """What was heard of the reply, to the word."""
        return " ".join(text for clause in self.clauses if (text := clause.heard_text))


class Conversation:
    """Decides what follows from each fact.

    Attributes:
        turn: number of the present attempt.
        phase: whose turn it is.
        history: what was said and heard, without the system prompt.

    """

    def __init__(
        self,
        system_prompt: str,
        rules: TurnTaking | None = None,
        speculation: Speculation = "off",
        history: Sequence[Message] = (),
    ) -> None:
        self.turn = 0
        self.phase = Phase.IDLE
        self.history = list(history)
        self._system = Message("system", system_prompt)
        self._rules = rules or TurnTaking()
        self._speculation: Speculation = speculation
        self._now = Attempt()
        self._seen_from = 0
        self._ending = False

    @property
    def reply_so_far(self) -> str:
        """What was heard of the present reply."""
        return self._now.heard_text

    def step(self, event: Event) -> list[Command]:
        """Take one event, return the commands that follow from it."""
        if getattr(event, "turn", self.turn) != self.turn:
            return []
        commands = self._decide(event)
        if self._ending and self.phase is Phase.IDLE:
            commands.append(EndSession())
        return commands

    def _decide(self, event: Event) -> list[Command]:
        match event, self.phase:
            case SpeechStarted(since=since), Phase.IDLE:
                return self._listen(since)
            case SpeechStarted(), Phase.PAUSED:
                return self._take_back()
            case SpeechStarted(), Phase.REPLYING if not self._now.audible:
                return self._take_back()
            case SpeechStarted(since=since), Phase.REPLYING | Phase.HELD:
                return self._hold(since)
            case SpeechEnded(until=until), Phase.LISTENING:
                return self._pause(until)
            case SpeechEnded(until=until), Phase.HELD:
                self._now.interjection_until = until
                return [Transcribe(self.turn, self._now.interjection_since)]
            case TimerFired(at=at, name=name), _:
                return self._timer(name, at)
            case TurnEndScored(at=at, probability=probability), Phase.PAUSED:
                self._now.probability = probability
                return self._reconsider(at)
            case TranscriptReady(text=text, look=look), Phase.HELD:
                return self._interjection(text, look)
            case TranscriptReady(at=at, text=text, look=look), Phase.PAUSED | Phase.REPLYING:
                return self._understood(at, text, look)
            case Typed(at=at, text=text), _:
                return self._typed(at, text)
            case JobFailed(stage=stage), _:
                return self._failed(stage)
            case InputEnded(), _:
                self._ending = True
                return []
        return self._reply_goes_on(event)

    def _reply_goes_on(self, event: Event) -> list[Command]:
        """Take what becomes of the reply: written, trimmed, audible, heard."""
        match event:
            case ClauseWritten(text=text, words=words):
                self._now.clauses.append(Clause(text, words))
                return [Speak(self.turn, len(self._now.clauses) - 1, text)]
            case ReplyWritten():
                self._now.written = True
                return self._finish_if_spoken()
            case HistoryTrimmed(messages=messages):
                self._seen_from = len(self.history) - messages
            case VoiceStarted():
                self._now.audible = True
            case WordsHeard(clause=clause, words=words):
                self._now.clauses[clause].heard = words
            case ClauseHeard(clause=clause):
                self._now.clauses[clause].done = True
                return self._finish_if_spoken()
            case _:
                pass
        return []

    # The user's part of a turn.

    def _listen(self, since: float) -> list[Command]:
        self.turn += 1
        self.phase = Phase.LISTENING
        self._now = Attempt(since=since)
        return [SetTimer("too long", since + self._rules.longest_utterance_s)]

    def _take_back(self) -> list[Command]:
        """The user goes on: undo the attempt, and hear the utterance from its beginning."""
        cancelled = self.turn
        return [CancelTurn(cancelled), *self._listen(self._now.since)]

    def _pause(self, until: float) -> list[Command]:
        self.phase = Phase.PAUSED
        self._now.until = until
        return [
            Transcribe(self.turn, self._now.since),
            ScoreTurnEnd(self.turn, self._now.since),
            SetTimer("turn end", until + self._rules.blind_s),
        ]

    def _reconsider(self, at: float) -> list[Command]:
        """Set the time of the turn's end anew from what is known by now."""
        wait_s = silence_needed(self._rules, self._now.probability, self._now.look)
        end = self._now.until + wait_s
        return [SetTimer("turn end", end)] if end > at else self._end_turn()

    def _timer(self, name: str, at: float) -> list[Command]:
        match name, self.phase:
            case "turn end", Phase.PAUSED:
                return self._end_turn()
            case "barge in", Phase.HELD if self._now.interjection_until is None:
                return self._barge_in()
            case "too long", Phase.LISTENING:
                return [*self._pause(at), *self._end_turn()]
        return []

    def _understood(self, at: float, text: str, look: Look) -> list[Command]:
        self._now.text, self._now.look = text, look
        if not look.words:
            self.phase = Phase.IDLE
            return [CancelTurn(self.turn)]
        if self.phase is Phase.REPLYING:
            return [*self._generate(), PlayVoice(self.turn)]
        draft = self._generate() if self._speculation == "draft" else []
        return [*draft, *self._reconsider(at)]

    def _end_turn(self) -> list[Command]:
        self.phase = Phase.REPLYING
        if self._now.look is None:
            return []
        return [*self._generate(), PlayVoice(self.turn)]

    def _typed(self, at: float, text: str) -> list[Command]:
        stop: list[Command] = []
        if self.phase is not Phase.IDLE:
            self._keep_what_was_heard()
            stop = [CancelTurn(self.turn)]
        self.turn += 1
        self._now = Attempt(since=at, text=text, look=Look(words=1))
        return [*stop, *self._end_turn()]

    # The assistant's part of a turn.

    def _generate(self) -> list[Command]:
        if self._now.generating:
            return []
        self._now.generating = True
        seen = self.history[self._seen_from :]
        return [Generate(self.turn, (self._system, *seen, Message("user", self._now.text)))]

    def _hold(self, since: float) -> list[Command]:
        held = self.phase is Phase.HELD
        self.phase = Phase.HELD
        self._now.interjection_until = None
        if not held:
            self._now.interjection_since = since
        timer = SetTimer("barge in", since + self._rules.barge_in_after_s)
        return [timer] if held else [HoldVoice(self.turn), timer]

    def _interjection(self, text: str, look: Look) -> list[Command]:
        """Go on speaking after a cough or an "mhm", give way to words."""
        until = self._now.interjection_until
        if until is None:
            return []
        if not look.words or look.backchannel:
            return self._resume()
        cancel = self._barge_in()
        self._now.text, self._now.look = text, look
        return [*cancel, *self._pause_known(until)]

    def _resume(self) -> list[Command]:
        self.phase = Phase.REPLYING
        return [ResumeVoice(self.turn), *self._finish_if_spoken()]

    def _pause_known(self, until: float) -> list[Command]:
        """Pause after an interjection, whose words are known already."""
        return [command for command in self._pause(until) if not isinstance(command, Transcribe)]

    def _barge_in(self) -> list[Command]:
        since = self._now.interjection_since
        cancelled = self.turn
        self._keep_what_was_heard()
        return [CancelTurn(cancelled), *self._listen(since)]

    def _finish_if_spoken(self) -> list[Command]:
        if self.phase is Phase.REPLYING and self._now.spoken:
            self._keep_what_was_heard()
            self.phase = Phase.IDLE
        return []

    def _failed(self, stage: str) -> list[Command]:
        """Apologize where a voice is left to do it, and give the turn back."""
        if stage == "turn":
            return []
        if stage == "stt" and self.phase is Phase.HELD:
            return self._resume()
        if stage in APOLOGIES:
            self.phase = Phase.REPLYING
            self._now.written = True
            text = APOLOGIES[stage]
            self._now.clauses.append(Clause(text, len(text.split())))
            clause = len(self._now.clauses) - 1
            return [Speak(self.turn, clause, text), PlayVoice(self.turn)]
        self._keep_what_was_heard()
        self.phase = Phase.IDLE
        return [CancelTurn(self.turn)]

    def _keep_what_was_heard(self) -> None:
        """Enter the turn into the history: the question, and of the reply what was heard."""
        if self._now.text and (self._now.audible or self._now.written):
            self.history.append(Message("user", self._now.text))
            if heard := self._now.heard_text:
                self.history.append(Message("assistant", heard))
