"""Facts, past tense. ``at`` is the time in seconds on the conversation's clock.

``turn`` is the attempt at a turn that the fact belongs to; the conversation drops a fact
of another turn than the present one. A field made by ``private`` holds what was said: it
is cargo, no decision reads it, and a trace leaves it out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edgevoice.core.speculation import Speculation
from edgevoice.core.words import Look


def private(**kwargs: Any) -> Any:
    """Declare a dataclass field that holds what was said."""
    return field(metadata={"private": True}, **kwargs)


@dataclass(frozen=True, slots=True)
class SessionBegan:
    """The models are loaded and the microphone is open."""

    at: float


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody speaks since ``since``; known at ``at``."""

    at: float
    since: float


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """Nobody has spoken from ``until`` on; known at ``at``."""

    at: float
    until: float


@dataclass(frozen=True, slots=True)
class TurnEndScored:
    """The turn-end model gave ``probability`` (0 to 1) that the user is done."""

    at: float
    turn: int
    probability: float


@dataclass(frozen=True, slots=True)
class TranscriptReady:
    """The utterance, or the interjection, was transcribed."""

    at: float
    turn: int
    look: Look
    text: str = private(default="")


@dataclass(frozen=True, slots=True)
class WordsStable:
    """While the user speaks: the first ``words`` words, which two partial transcripts agree on."""

    at: float
    turn: int
    words: int
    text: str = private(default="")


@dataclass(frozen=True, slots=True)
class Typed:
    """The user typed a message."""

    at: float
    text: str = private(default="")


@dataclass(frozen=True, slots=True)
class ClauseWritten:
    """The LLM has written the next clause of its reply. ``clause`` counts from 0."""

    at: float
    turn: int
    clause: int
    words: int
    text: str = private(default="")


@dataclass(frozen=True, slots=True)
class ReplyWritten:
    """The LLM has written all of its reply, in ``clauses`` clauses."""

    at: float
    turn: int
    clauses: int


@dataclass(frozen=True, slots=True)
class HistoryTrimmed:
    """The prompt no longer fitted: the model sees only the newest ``messages`` of the history.

    The system prompt and the present question are seen as well, and not counted.
    """

    at: float
    turn: int
    messages: int


@dataclass(frozen=True, slots=True)
class ClauseVoiced:
    """The first audio of a clause is ready to be played."""

    at: float
    turn: int
    clause: int


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """The first sample of the reply is audible."""

    at: float
    turn: int


@dataclass(frozen=True, slots=True)
class WordsHeard:
    """The loudspeaker has played the first ``words`` words of a clause, not all of it."""

    at: float
    turn: int
    clause: int
    words: int


@dataclass(frozen=True, slots=True)
class ClauseHeard:
    """The loudspeaker has played the whole clause, were it an empty one."""

    at: float
    turn: int
    clause: int


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The time that ``SetTimer`` asked for has come."""

    at: float
    name: str


@dataclass(frozen=True, slots=True)
class JobFailed:
    """A lane could not do its job. ``stage`` is "stt", "turn", "llm" or "tts"."""

    at: float
    turn: int
    stage: str
    problem: str = private(default="")


@dataclass(frozen=True, slots=True)
class InputEnded:
    """Nothing more will be said: the recording is over, or the user left.

    It closes an utterance that is under way; no ``SpeechEnded`` need come.
    """

    at: float


@dataclass(frozen=True, slots=True)
class WakeWordHeard:
    """Somebody called; what is said from now on is meant for the assistant."""

    at: float


@dataclass(frozen=True, slots=True)
class SpeculationChanged:
    """From now on so much is done ahead, and partial transcripts grow by the factor."""

    at: float
    speculation: Speculation
    partial_growth: float


@dataclass(frozen=True, slots=True)
class ModelChanged:
    """Another model does the work of ``stage`` from now on, and knows nothing of the talk."""

    at: float
    stage: str
    bundle: str


@dataclass(frozen=True, slots=True)
class EnergySpent:
    """What the turn cost: processor time, and energy by ``source``, as in ``Energy``."""

    at: float
    turn: int
    cpu_s: float
    joules: float
    source: str


Event = (
    SessionBegan
    | SpeechStarted
    | SpeechEnded
    | TurnEndScored
    | TranscriptReady
    | WordsStable
    | Typed
    | ClauseWritten
    | ReplyWritten
    | HistoryTrimmed
    | ClauseVoiced
    | VoiceStarted
    | WordsHeard
    | ClauseHeard
    | TimerFired
    | JobFailed
    | InputEnded
    | WakeWordHeard
    | SpeculationChanged
    | ModelChanged
    | EnergySpent
)
