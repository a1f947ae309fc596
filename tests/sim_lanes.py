"""The simulation's lanes and loudspeaker: as the real ones, on virtual time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgevoice.core.events import ClauseHeard, Event, JobFailed, VoiceStarted, WordsHeard

if TYPE_CHECKING:
    from tests.sim import Simulation

Work = Callable[[float], list[Event]]
"""Given when a job begins: what it posts, each with the time when."""


class Lane:
    """Runs jobs in order, one at a time; skips those whose turn was cancelled before."""

    def __init__(self, sim: Simulation, stage: str) -> None:
        self.faults: dict[int, tuple[int, bool]] = {}
        """By number of the job, from 1: after how many results it breaks, and whether it hangs."""
        self._sim = sim
        self._stage = stage
        self._queue: deque[tuple[int, Work]] = deque()
        self._running: int | None = None
        self._job = 0

    def submit(self, turn: int, work: Work) -> None:
        """Queue a job."""
        self._queue.append((turn, work))
        self._next()

    def cancel(self, turn: int) -> None:
        """Stop the job of ``turn``; what it would have posted arrives all the same, stale."""
        if self._running == turn:
            self._running = None
            self._next()

    def _next(self) -> None:
        while self._running is None and self._queue:
            turn, work = self._queue.popleft()
            if turn not in self._sim.cancelled:
                self._running = turn
                self._begin(turn, work(self._sim.now))

    def _begin(self, turn: int, events: list[Event]) -> None:
        self._job += 1
        if self._job in self.faults:
            after, hangs = self.faults[self._job]
            fails_at = self._sim.now + self._sim.pace.stall_s if hangs else events[after].at
            events = [*events[:after], JobFailed(fails_at, turn, self._stage, "broken")]
        job = self._job
        for event in events:
            self._sim.post(event)
        self._sim.call(events[-1].at, lambda: self._end(job))

    def _end(self, job: int) -> None:
        if job == self._job:
            self._running = None
            self._next()


@dataclass
class _Clause:
    number: int
    words: list[str]
    spoken: int = 0


class Loudspeaker:
    """Plays the clauses of a turn in order, word by word, when let through and not held."""

    def __init__(self, sim: Simulation) -> None:
        self.heard: list[str] = []
        self.texts: dict[tuple[int, int], str] = {}
        """Of each clause that is to be spoken, by turn and number."""
        self.sounding = False
        self._sim = sim
        self._queue: dict[int, deque[_Clause]] = {}
        self._turn: int | None = None
        self._held = False
        self._audible = False
        self._word_since = 0.0
        self._word_played_s = 0.0
        self._word = 0

    def add(self, turn: int, number: int) -> None:
        """Queue the audio of a clause."""
        if turn not in self._sim.cancelled:
            clause = _Clause(number, self.texts[turn, number].split())
            self._queue.setdefault(turn, deque()).append(clause)
            self._sound()

    def play(self, turn: int) -> None:
        """Let ``turn`` be heard."""
        self._turn, self._held, self._audible, self._word_played_s = turn, False, False, 0.0
        self._sound()

    def hold(self) -> None:
        """Fall silent, and keep the place within the word."""
        if self.sounding:
            self._word_played_s += self._sim.now - self._word_since
        self._silence()
        self._held = True

    def resume(self) -> None:
        """Go on from there."""
        self._held = False
        self._sound()

    def drop(self, turn: int) -> None:
        """Forget all of ``turn``."""
        self._queue.pop(turn, None)
        if self._turn == turn:
            self._turn = None
            self._silence()

    def _silence(self) -> None:
        self.sounding = False
        self._word += 1  # the end of the word that is under way is no longer awaited

    def _sound(self) -> None:
        if self._held or self.sounding or self._turn is None or not self._queue.get(self._turn):
            return
        self.sounding = True
        now = self._sim.now
        if not self._audible:
            self._audible = True
            self._sim.post(VoiceStarted(now, self._turn))
        self._word_since = now
        self._word += 1
        word = self._word
        rest_s = self._sim.pace.word_s - self._word_played_s
        self._sim.call(now + rest_s, lambda: self._word_ended(word))

    def _word_ended(self, word: int) -> None:
        if word != self._word or self._turn is None:
            return
        now, turn, clause = self._sim.now, self._turn, self._queue[self._turn][0]
        self.heard.append(clause.words[clause.spoken])
        clause.spoken += 1
        self.sounding = False
        self._word_played_s = 0.0
        if clause.spoken == len(clause.words):
            self._queue[turn].popleft()
            self._sound()
            self._sim.take(ClauseHeard(now, turn, clause.number))
        else:
            self._sound()
            self._sim.take(WordsHeard(now, turn, clause.number, clause.spoken))
