"""Orders, imperative. The conversation gives them, the runtime carries them out."""

from __future__ import annotations

from dataclasses import dataclass

from edgevoice.core.events import private
from edgevoice.core.history import Message


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Turn what was heard from ``since`` until now into words.

    Each order is answered once, by ``TranscriptReady`` or by ``JobFailed``, unless its turn
    is cancelled: a reply that is held counts the answers.
    """

    turn: int
    since: float


@dataclass(frozen=True, slots=True)
class TranscribePartial:
    """Look for the words so far of an utterance that goes on since ``since``, if there is time."""

    turn: int
    since: float


@dataclass(frozen=True, slots=True)
class ScoreTurnEnd:
    """Ask the turn-end model whether the user, heard from ``since`` until now, is done."""

    turn: int
    since: float


@dataclass(frozen=True, slots=True)
class Prefill:
    """Bring the beginning of the next prompt into the LLM's cache, if there is time.

    The last message is open: more of it may follow.
    """

    turn: int
    messages: tuple[Message, ...] = private(default=())


@dataclass(frozen=True, slots=True)
class Generate:
    """Write a reply to ``messages``, clause by clause."""

    turn: int
    messages: tuple[Message, ...] = private(default=())


@dataclass(frozen=True, slots=True)
class Speak:
    """Make the audio of a clause and queue it behind those before it."""

    turn: int
    clause: int
    text: str = private(default="")


@dataclass(frozen=True, slots=True)
class PlayVoice:
    """Let the queued audio of the turn be heard, now and as more comes. Given once a turn."""

    turn: int


@dataclass(frozen=True, slots=True)
class HoldVoice:
    """Fall silent and keep the place; if nothing was heard yet, let nothing be heard."""

    turn: int


@dataclass(frozen=True, slots=True)
class ResumeVoice:
    """Go on from where the voice was held."""

    turn: int


@dataclass(frozen=True, slots=True)
class CancelTurn:
    """Stop all work of the turn, and drop what of it was not yet heard."""

    turn: int


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Post ``TimerFired(name)`` at the time ``at``; a later one of the same name replaces it."""

    name: str
    at: float


@dataclass(frozen=True, slots=True)
class EndSession:
    """All is said; end the talk."""


Command = (
    Transcribe
    | TranscribePartial
    | ScoreTurnEnd
    | Prefill
    | Generate
    | Speak
    | PlayVoice
    | HoldVoice
    | ResumeVoice
    | CancelTurn
    | SetTimer
    | EndSession
)
