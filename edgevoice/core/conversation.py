"""The only place that decides: ``step(event) -> commands``, pure.

An *attempt* is one try at a turn: from the user's first word to the last word of the reply
that they heard. It has a number, ``turn``. When the user speaks on after a pause, the attempt
is taken back whole and a new one begins; facts of the old one are stale from then on, and
dropped in the first line of ``step``, nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from edgevoice.core.attempt import Attempt, Clause, Interjection
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
from edgevoice.core.events import (
    ClauseHeard,
    ClauseWritten,
    Event,
    HistoryTrimmed,
    InputEnded,
    JobFailed,
    ModelChanged,
    ReplyWritten,
    SessionBegan,
    SpeculationChanged,
    SpeechEnded,
    SpeechStarted,
    TimerFired,
    TranscriptReady,
    TurnEndScored,
    Typed,
    VoiceStarted,
    WordsHeard,
    WordsStable,
)
from edgevoice.core.history import Message
from edgevoice.core.speculation import Speculation
from edgevoice.core.turn_taking import TurnTaking, next_partial, silence_needed
from edgevoice.core.words import Look

APOLOGIES = {
    "stt": "Sorry, I could not make that out.",
    "llm": "Sorry, I have no answer just now.",
}
"""Said aloud when a stage fails, so that the talk goes on."""

LEAST_GROWTH = 1.0
"""Partial transcripts more often than this would do nothing else."""


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


class Conversation:
    """Decides what follows from each fact.

    Attributes:
        turn: number of the present attempt, of the next one while nobody speaks.
        phase: whose turn it is.
        history: what was said and heard, without the system prompt and the present turn.

    """

    def __init__(
        self,
        system_prompt: str,
        rules: TurnTaking | None = None,
        speculation: Speculation = "off",
        history: Sequence[Message] = (),
    ) -> None:
        self.turn = 1
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

    @property
    def said(self) -> list[Message]:
        """The history with what there is of the present turn, should the talk end here."""
        return [*self.history, *self._now.messages]

    def step(self, event: Event) -> list[Command]:
        """Take one event, return the commands that follow from it."""
        if getattr(event, "turn", self.turn) != self.turn:
            return []
        commands = self._decide(event)
        if self._ending and self.phase is Phase.IDLE:
            self._ending = False
            commands.append(EndSession())
        return commands

    def _decide(self, event: Event) -> list[Command]:
        now = self._now
        match event, self.phase:
            case SessionBegan(), Phase.IDLE:
                return self._prefill()
            case SpeechStarted(at=at, since=since), Phase.IDLE:
                return self._listen(Attempt(since), at)
            case SpeechStarted(at=at), Phase.PAUSED:
                return self._take_back(at)
            case SpeechStarted(at=at, since=since), Phase.REPLYING if now.is_continued_by(since):
                return self._take_back(at)
            case SpeechStarted(since=since), Phase.REPLYING if now.answering:
                return self._hold(since)
            case SpeechStarted(since=since), Phase.HELD:
                now.interjection.until = None
                return [SetTimer("barge in", since + self._rules.barge_in_after_s)]
            case SpeechEnded(until=until), Phase.LISTENING:
                return [Transcribe(self.turn, now.since), *self._pause(until)]
            case SpeechEnded(until=until), Phase.HELD:
                return self._interjection_ended(until)
            case TimerFired(name="turn end"), Phase.PAUSED if now.answerable:
                return self._end_turn()
            case TimerFired(at=at, name="barge in"), Phase.HELD if now.interjection.until is None:
                return self._interjection_goes_on(at)
            case TimerFired(at=at, name="partial"), Phase.LISTENING if self._speculation != "off":
                return [TranscribePartial(self.turn, now.since), *self._next_partial(at)]
            case WordsStable(text=text), Phase.LISTENING | Phase.PAUSED if not now.answering:
                return self._prefill(Message("user", f"{text} "))  # a space: its last word is whole
            case TimerFired(name="too long"), Phase.LISTENING:
                return self._cut()
            case TurnEndScored(at=at, probability=probability), Phase.PAUSED:
                now.probability = probability
                return self._reconsider(at) if now.answerable else []
            case TranscriptReady(at=at, text=text, look=look), Phase.HELD:
                return self._interjection_known(at, text, look)
            case TranscriptReady(), Phase.PAUSED | Phase.REPLYING if not now.answerable:
                return self._understood(event.at, event.text, event.look)
            case Typed(at=at, text=text), _:
                return self._typed(at, text)
            case JobFailed(at=at, stage=stage), Phase.PAUSED | Phase.REPLYING | Phase.HELD:
                return self._failed(stage, at)
            case InputEnded(at=at), _:
                return self._input_ended(at)
            case SpeculationChanged(speculation=speculation, partial_growth=growth), _:
                self._speculation = speculation
                self._rules = replace(self._rules, partial_growth=max(growth, LEAST_GROWTH))
                return []
            case ModelChanged(stage="llm"), Phase.IDLE:
                self._seen_from = 0  # what fits its context it will tell
                return [Prefill(self.turn, self._prompt())]
        return self._reply_goes_on(event)

    def _reply_goes_on(self, event: Event) -> list[Command]:
        """Take what becomes of the reply: written, trimmed, audible, heard."""
        now = self._now
        match event:
            case ClauseWritten(text=text, words=words):
                return self._speak(Clause(text, words))
            case ReplyWritten():
                now.written = True
                return self._finish_if_spoken() if now.clauses else self._apologize("llm")
            case HistoryTrimmed(messages=messages):
                self._seen_from = max(0, len(self.history) - messages)
            case VoiceStarted(at=at):
                now.audible_at = at
            case WordsHeard(clause=clause, words=words) if clause in range(len(now.clauses)):
                now.clauses[clause].heard = words
            case ClauseHeard(clause=clause) if clause in range(len(now.clauses)):
                now.clauses[clause].done = True
                return self._finish_if_spoken()
            case _:
                pass
        return []

    # The user's part of a turn.

    def _listen(self, attempt: Attempt, at: float) -> list[Command]:
        self.phase = Phase.LISTENING
        self._now = attempt
        too_long = SetTimer("too long", attempt.since + self._rules.longest_utterance_s)
        return [too_long, *self._next_partial(at)]

    def _take_back(self, at: float) -> list[Command]:
        """Undo the attempt: the user goes on, and is heard from the utterance's beginning."""
        again = Attempt(self._now.since, interrupts=self._now.interrupts)
        return [*self._cancel(), *self._listen(again, at)]

    def _next_partial(self, at: float) -> list[Command]:
        if self._speculation == "off":
            return []
        return [SetTimer("partial", next_partial(self._rules, self._now.since, at))]

    def _prefill(self, *question: Message) -> list[Command]:
        """Think ahead: what is known of the next prompt may go into the cache."""
        if self._speculation == "off":
            return []
        return [Prefill(self.turn, (*self._prompt(), *question))]

    def _prompt(self) -> tuple[Message, ...]:
        """Return the prompt up to the question."""
        return (self._system, *self.history[self._seen_from :])

    def _pause(self, until: float) -> list[Command]:
        self.phase = Phase.PAUSED
        self._now.until = until
        return [ScoreTurnEnd(self.turn, self._now.since)]

    def _understood(self, at: float, text: str, look: Look) -> list[Command]:
        self._now.text, self._now.look = text, look
        if not look.words:
            return self._cancel()
        drafts = self._speculation == "draft" and not self._now.wants_silence
        return [*(self._generate() if drafts else []), *self._reconsider(at)]

    def _reconsider(self, at: float) -> list[Command]:
        """Answer, now or after more silence, by what is known of the user's intent to go on."""
        if self.phase is Phase.REPLYING:
            return self._answer()
        wait_s = silence_needed(self._rules, self._now.probability, self._now.look)
        end = self._now.until + wait_s
        return [SetTimer("turn end", end)] if end > at else self._end_turn()

    def _cut(self) -> list[Command]:
        """End the question here, whether the user is done or not."""
        self._now.closed = True
        return [Transcribe(self.turn, self._now.since), *self._end_turn()]

    def _end_turn(self) -> list[Command]:
        self.phase = Phase.REPLYING
        return self._answer()

    def _typed(self, at: float, text: str) -> list[Command]:
        stop = [] if self.phase is Phase.IDLE else self._cancel(keep=True)
        self._now = Attempt(since=at, text=text, look=Look(words=1), closed=True)
        return [*stop, *self._end_turn()]

    def _input_ended(self, at: float) -> list[Command]:
        """Wait no longer for words that cannot come; finish the turn, then the session."""
        self._ending = True
        if self.phase is Phase.LISTENING:
            return self._cut()
        if self.phase is Phase.PAUSED:
            return self._end_turn()
        if self.phase is Phase.HELD and self._now.interjection.until is None:
            return self._interjection_ended(at)
        return []

    # The assistant's part of a turn.

    def _answer(self) -> list[Command]:
        """Let the reply be heard, once it is known what to reply to."""
        now = self._now
        if now.voiceless or now.wants_silence:
            return self._cancel(keep=True)
        return [*self._generate(), PlayVoice(self.turn)] if now.answerable else []

    def _generate(self) -> list[Command]:
        if self._now.answering:
            return []
        self._now.answering = True
        return [Generate(self.turn, (*self._prompt(), Message("user", self._now.text)))]

    def _speak(self, clause: Clause) -> list[Command]:
        self._now.clauses.append(clause)
        return [Speak(self.turn, len(self._now.clauses) - 1, clause.text)]

    def _finish_if_spoken(self) -> list[Command]:
        if self.phase is Phase.REPLYING and self._now.spoken:
            self._leave(keep=True)
            return self._prefill()
        return []

    def _cancel(self, *, keep: bool = False) -> list[Command]:
        cancelled = self.turn
        self._leave(keep=keep)
        return [CancelTurn(cancelled)]

    def _leave(self, *, keep: bool) -> None:
        """End the attempt, and ``keep`` it in the history; its facts are stale from here on."""
        if keep:
            self.history += self._now.messages
        self.turn += 1
        self.phase = Phase.IDLE
        self._now = Attempt()

    # What is said over the reply.

    def _hold(self, since: float) -> list[Command]:
        self.phase = Phase.HELD
        self._now.interjection = Interjection(since)
        return [
            HoldVoice(self.turn),
            SetTimer("barge in", since + self._rules.barge_in_after_s),
        ]

    def _interjection_ended(self, until: float) -> list[Command]:
        interjection = self._now.interjection
        interjection.until = until
        interjection.awaited += 1
        return [Transcribe(self.turn, interjection.since)]

    def _interjection_goes_on(self, at: float) -> list[Command]:
        """Look at the words so far: a long "mhm" is no barge-in, nor is noise without words."""
        interjection = self._now.interjection
        if interjection.awaited:
            return []  # the look at what comes then sets the timer anew
        if at - interjection.since >= self._rules.longest_interjection_s:
            return self._resume()
        interjection.awaited += 1
        return [Transcribe(self.turn, interjection.since)]

    def _interjection_known(self, at: float, text: str, look: Look) -> list[Command]:
        """Go on speaking after a cough or an "mhm", give way to words."""
        interjection = self._now.interjection
        interjection.awaited = max(0, interjection.awaited - 1)
        if interjection.awaited:
            return []  # the last transcript will have all that the ones before have
        takes_turn = look.words and not look.backchannel and not interjection.is_too_short
        if interjection.until is None:
            again = SetTimer("barge in", at + self._rules.look_again_s)
            return self._barge_in(at) if takes_turn else [again]
        if not takes_turn:
            return self._resume()
        barge_in = self._barge_in(at)
        return [*barge_in, *self._pause(interjection.until), *self._understood(at, text, look)]

    def _resume(self) -> list[Command]:
        self.phase = Phase.REPLYING
        return [ResumeVoice(self.turn), *self._finish_if_spoken()]

    def _barge_in(self, at: float) -> list[Command]:
        attempt = Attempt(self._now.interjection.since, interrupts=True)
        return [*self._cancel(keep=True), *self._listen(attempt, at)]

    # What goes wrong.

    def _failed(self, stage: str, at: float) -> list[Command]:
        """Apologize where a voice is left to do it; give the turn back where none is."""
        now = self._now
        match stage:
            case "turn":
                return []
            case "stt" if self.phase is Phase.HELD:
                return self._interjection_known(at, "", Look())
            case "stt" if now.answerable:
                return []
            case "stt":
                return [*self._apologize(stage), *self._reconsider(at)]
            case "llm":
                return self._apologize(stage) if now.answering and not now.written else []
        return self._voice_failed(at)

    def _apologize(self, stage: str) -> list[Command]:
        self._now.answering = self._now.written = True
        text = APOLOGIES[stage]
        return self._speak(Clause(text, len(text.split())))

    def _voice_failed(self, at: float) -> list[Command]:
        now = self._now
        if self.phase is Phase.PAUSED:
            now.voiceless = True
            return []
        if self.phase is Phase.REPLYING:
            return self._cancel(keep=True)
        until = now.interjection.until
        barge_in = self._barge_in(at)
        if until is None:
            return barge_in
        return [*barge_in, Transcribe(self.turn, self._now.since), *self._pause(until)]
