"""The near end of the loudspeaker: the clauses of a reply, played, held and accounted for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from edgevoice.backends.protocols import Samples
from edgevoice.core.events import ClauseHeard, Event, VoiceStarted, WordsHeard
from edgevoice.runtime.microphone import Microphone

FADE_S = 0.005
"""Length of the ramps at a hold and a resume: short enough to be silence at once, long
enough not to click."""

ECHO_S = 3.0
"""An echo of a clause has been heard, and transcribed, this long after its end."""

HeardWords = Callable[[str, float, float], str]
"""``heard_words(text, played_s, total_s)``: the leading words of a clause that were played."""


@dataclass(slots=True)
class _Clause:
    turn: int
    number: int
    text: str
    chunks: list[Samples] = field(default_factory=list)
    complete: bool = False
    length: int = 0
    played: int = 0
    words_told: int = 0
    told: bool = False

    def take(self, samples: int) -> Samples:
        """Return up to ``samples`` samples from the present place, without moving it."""
        start = self.played
        for chunk in self.chunks:
            if start < len(chunk):
                return chunk[start : start + samples]
            start -= len(chunk)
        return np.zeros(0, np.float32)


class Loudspeaker:
    """Plays the clauses of one turn in order, at ``rate`` Hz, once the turn is let through.

    ``fill`` comes from the device's thread, ``add`` and ``finish`` from the voice lane, all
    else from the conversation's thread. One short lock guards the list.
    """

    def __init__(
        self, rate: int, heard_words: HeardWords, reference: Microphone | None = None
    ) -> None:
        self.rate = rate
        self._reference = reference
        self.gap_samples = 0
        """Samples of silence inside a clause because its audio came too late."""
        self._heard_words = heard_words
        self._lock = threading.Lock()
        self._clauses: list[_Clause] = []
        self._turn = 0
        self._dropped = 0
        """The voice lane may still add to a turn that was just cancelled."""
        self._held = False
        self._sounding = False
        self._started_at: float | None = None
        self._started_told = False
        self._last_said, self._last_said_at = "", -ECHO_S

    @property
    def busy(self) -> bool:
        """Something of a reply is still to be told of."""
        with self._lock:
            return bool(self._clauses)

    def play(self, turn: int) -> None:
        """Let ``turn`` be heard, now and as more of it comes."""
        with self._lock:
            self._turn, self._held = turn, False
            self._started_at, self._started_told = None, False

    def hold(self) -> None:
        """Fall silent and keep the place."""
        with self._lock:
            self._held = True

    def resume(self) -> None:
        """Go on from the place that was held."""
        with self._lock:
            self._held = False

    def drop(self, turn: int) -> None:
        """Forget all audio of ``turn`` and of those before, and take no more of it."""
        with self._lock:
            self._dropped = turn
            self._clauses = [clause for clause in self._clauses if clause.turn > turn]
            if self._turn == turn:
                self._turn = 0

    def add(self, turn: int, clause: int, text: str, samples: Samples) -> None:
        """Queue the next samples (shape (n,)) of a clause."""
        with self._lock:
            if turn > self._dropped:
                entry = self._entry(turn, clause, text)
                entry.chunks.append(samples)
                entry.length += len(samples)

    def finish(self, turn: int, clause: int, text: str) -> None:
        """Say that the clause has no more samples than those that were added."""
        with self._lock:
            if turn > self._dropped:
                self._entry(turn, clause, text).complete = True

    def saying(self, now: float) -> str:
        """Return what is being played, and the clause before if an echo of it may be about."""
        with self._lock:
            playing = [clause.text for clause in self._clauses if clause.played]
            if now - self._last_said_at < ECHO_S:
                playing.insert(0, self._last_said)
        return " ".join(playing)

    def fill(self, out: Samples, at: float, ahead_s: float = 0.0) -> None:
        """Write the next samples into ``out``, shape (n,).

        They are taken at ``at`` and audible ``ahead_s`` later.
        """
        self._fill(out, at + ahead_s)
        if self._reference:
            self._reference.write(out, at + len(out) / self.rate)

    def _fill(self, out: Samples, audible_at: float) -> None:
        with self._lock:
            out[:] = 0.0
            if self._held:
                self._fade_out(out)
                return
            filled = self._play_into(out)
            if not filled:
                return
            if self._started_at is None:
                self._started_at = audible_at
            if not self._sounding:
                fade = min(int(FADE_S * self.rate), filled)
                out[:fade] *= np.linspace(0.0, 1.0, fade, dtype=np.float32)
            self._sounding = filled == len(out)

    def facts(self, now: float) -> list[Event]:
        """Return what has been played since the last call."""
        events: list[Event] = []
        with self._lock:
            if self._started_at is not None and not self._started_told:
                self._started_told = True
                events.append(VoiceStarted(self._started_at, self._turn))
            for clause in self._clauses:
                if clause.turn != self._turn:
                    break
                if clause.complete and clause.played == clause.length:
                    clause.told = True
                    self._last_said, self._last_said_at = clause.text, now
                    events.append(ClauseHeard(now, clause.turn, clause.number))
                    continue
                events += self._words(clause, now)
                break
            self._clauses = [clause for clause in self._clauses if not clause.told]
        return events

    def _words(self, clause: _Clause, now: float) -> list[Event]:
        if not clause.played:
            return []
        played_s, total_s = clause.played / self.rate, clause.length / self.rate
        words = len(self._heard_words(clause.text, played_s, total_s).split())
        if words <= clause.words_told:
            return []
        clause.words_told = words
        return [WordsHeard(now, clause.turn, clause.number, words)]

    def _entry(self, turn: int, number: int, text: str) -> _Clause:
        for clause in self._clauses:
            if (clause.turn, clause.number) == (turn, number):
                return clause
        self._clauses.append(_Clause(turn, number, text))
        return self._clauses[-1]

    def _play_into(self, out: Samples) -> int:
        """Play clauses one after the other; returns how many samples were written."""
        at = 0
        for clause in self._clauses:
            if clause.turn != self._turn:
                break
            while at < len(out) and len(samples := clause.take(len(out) - at)):
                out[at : at + len(samples)] = samples
                at += len(samples)
                clause.played += len(samples)
            if at == len(out):
                break
            if not clause.complete:
                self.gap_samples += len(out) - at if clause.played else 0
                break
        return at

    def _fade_out(self, out: Samples) -> None:
        """Let the voice fall silent without a click; what the ramp plays is played again later."""
        if not self._sounding:
            return
        self._sounding = False
        clause = next((c for c in self._clauses if c.turn == self._turn), None)
        tail = clause.take(min(int(FADE_S * self.rate), len(out))) if clause else out[:0]
        out[: len(tail)] = tail * np.linspace(1.0, 0.0, len(tail), dtype=np.float32)
