"""The simulated loudspeaker: plays clauses in order, and notices when it has to wait for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edgevoice.core.events import ClauseHeard, Event, VoiceStarted

WORD_S = 0.3
TOKENS_A_WORD = 1.3


@dataclass
class Heard:
    """What was heard."""

    tokens: dict[str, float] = field(default_factory=dict)
    """Of each LLM."""
    stutters: int = 0
    """Clauses that came after the ones before had ended, and the reply had not."""


class Voice:
    """Plays the clauses of one turn at a time."""

    def __init__(
        self, post: Callable[[Event], None], later: Callable[[float, Callable[[], None]], None]
    ) -> None:
        self.heard = Heard()
        self.writer: dict[tuple[int, int], str] = {}
        """Which LLM wrote a clause, by turn and number."""
        self._post = post
        self._later = later
        self._words: dict[int, list[int]] = {}
        self._turn: int | None = None
        self._next = 0
        self._playing = 0
        self._busy = self._held = self._waited = False

    def add(self, turn: int, words: int) -> None:
        """Queue the next clause of ``turn``."""
        self._words.setdefault(turn, []).append(words)
        self._go_on()

    def play(self, turn: int) -> None:
        """Let ``turn`` be heard."""
        self._turn, self._next, self._held, self._waited = turn, 0, False, False
        self._go_on()

    def hold(self) -> None:
        """Fall silent after the word; what was said of the clause is said again."""
        self._held, self._busy = True, False
        self._playing += 1

    def resume(self) -> None:
        """Go on."""
        self._held = False
        self._go_on()

    def drop(self, turn: int) -> None:
        """Forget ``turn``."""
        self._words.pop(turn, None)
        if self._turn == turn:
            self._turn, self._busy = None, False
            self._playing += 1

    def _go_on(self) -> None:
        if self._turn is None or self._busy or self._held:
            return
        clauses = self._words.get(self._turn, [])
        if self._next >= len(clauses):
            self._waited = self._next > 0
            return
        self.heard.stutters += self._waited
        self._waited, self._busy = False, True
        if self._next == 0:
            self._post(VoiceStarted(0.0, self._turn))
        self._playing += 1
        playing = self._playing
        self._later(clauses[self._next] * WORD_S, lambda: self._ended(playing))

    def _ended(self, playing: int) -> None:
        if playing != self._playing or self._turn is None:
            return
        turn, clause = self._turn, self._next
        words = self._words[turn][clause]
        llm = self.writer[turn, clause]
        self.heard.tokens[llm] = self.heard.tokens.get(llm, 0.0) + words * TOKENS_A_WORD
        self._next, self._busy = clause + 1, False
        self._go_on()
        self._post(ClauseHeard(0.0, turn, clause))
