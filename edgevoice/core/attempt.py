"""One try at a turn: all that is known of it, and what of it was heard."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgevoice.core.history import Message
from edgevoice.core.words import Look

SHORTEST_WORD_S = 0.1
"""A click, or what the echo canceller left of a syllable, is shorter. The shortest interjection
of the test set for turn-taking, a "hm", lasts 0.13 s as the VAD hears it."""


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
class Interjection:
    """What the user says over the reply, from ``since`` on."""

    since: float
    until: float | None = None
    """None while the user still speaks."""
    awaited: int = 0
    """Transcripts that were ordered and have not come. Each covers all that the ones before do."""

    @property
    def is_too_short(self) -> bool:
        """No word is that short, whatever the transcript says."""
        return self.until is not None and self.until - self.since < SHORTEST_WORD_S


@dataclass(slots=True)
class Attempt:
    """All that is known of the present attempt at a turn. Times are on the conversation's clock.

    Attributes:
        since: when the user began to speak, or typed.
        until: when the user fell silent.
        text: the question, to go into the prompt and the history.
        look: what the question looks like; None until it is known.
        probability: that the user is done, by the turn-end model; None until it is known.
        interrupts: it began as speech over a reply.
        closed: the question ended otherwise than by silence: typed, too long, or the last of all.
        answering: a reply was ordered, or an apology is made in its place.
        written: the reply is complete.
        voiceless: the voice failed; the turn ends as soon as it may.
        audible_at: when the voice was first heard; None until then.
        clauses: the reply, as far as it is written.
        interjection: what is said over the reply, while the voice is held for it.

    """

    since: float = 0.0
    until: float = 0.0
    text: str = ""
    look: Look | None = None
    probability: float | None = None
    interrupts: bool = False
    closed: bool = False
    answering: bool = False
    written: bool = False
    voiceless: bool = False
    audible_at: float | None = None
    clauses: list[Clause] = field(default_factory=list)
    interjection: Interjection = field(default_factory=lambda: Interjection(since=0.0))

    @property
    def spoken(self) -> bool:
        """The reply was heard to its end."""
        return self.written and all(clause.done for clause in self.clauses)

    @property
    def heard_text(self) -> str:
        """What was heard of the reply, to the word."""
        return " ".join(text for clause in self.clauses if (text := clause.heard_text))

    @property
    def messages(self) -> list[Message]:
        """The turn as the history keeps it: the question, and of the reply what was heard."""
        question = [] if self.look is None else [Message("user", self.text)]
        heard = self.heard_text
        return [*question, Message("assistant", heard)] if heard else question

    @property
    def answerable(self) -> bool:
        """The question is known, or known to be beyond knowing."""
        return self.look is not None or self.answering

    @property
    def wants_silence(self) -> bool:
        """The user only stopped the reply before this one: "stop" is no question."""
        return self.interrupts and self.look is not None and self.look.stop

    def is_continued_by(self, speech_since: float) -> bool:
        """Tell whether speech from then on is more of the question, not speech over the reply.

        A user who began before the reply could be heard did not mean to interrupt it.
        """
        if self.closed or any(clause.heard or clause.done for clause in self.clauses):
            return False
        return self.audible_at is None or speech_since < self.audible_at
