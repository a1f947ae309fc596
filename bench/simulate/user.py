"""The simulated user: speaks, sometimes pauses, listens to the reply, and goes on."""

from __future__ import annotations

import random
from collections.abc import Iterator

from edgevoice.core.events import Event, SpeechEnded, SpeechStarted

PAUSES = 0.25
"""Share of the utterances with a pause in them (assumed)."""

WORDS_A_SECOND = 2.6
RISE_S, FALL_S = 0.1, 0.08
"""From the beginning and the end of speech until the ears say so."""


class User:
    """Speaks one utterance after the other; the same seed says the same.

    Attributes:
        until: when the present utterance ends, or ended.

    """

    def __init__(self, seed: int) -> None:
        self.until = 0.0
        self._chance = random.Random(seed)
        self._speech: list[tuple[float, float]] = []

    def speak(self, now: float) -> Iterator[Event]:
        """Begin an utterance of 1.5 to 6 s; yield what the ears will say."""
        chance = self._chance
        length_s, pauses, pause_s = (
            chance.uniform(1.5, 6),
            chance.random(),
            chance.uniform(0.4, 0.9),
        )
        self._speech = [(now, now + length_s)]
        if pauses < PAUSES:
            middle = now + 0.6 * length_s
            self._speech = [(now, middle), (middle + pause_s, now + length_s + pause_s)]
        self.until = self._speech[-1][1]
        for since, until in self._speech:
            yield SpeechStarted(since + RISE_S, since)
            yield SpeechEnded(until + FALL_S, until)

    def words(self, since: float, now: float) -> int:
        """Return how many words were said from ``since`` until now."""
        spoken = sum(max(0.0, min(end, now) - max(start, since)) for start, end in self._speech)
        return round(spoken * WORDS_A_SECOND)

    def rest_s(self) -> float:
        """Return how long to listen and think after a reply."""
        return self._chance.uniform(0.8, 2.5)

    def reply(self) -> list[int]:
        """Return the words of each clause of the next reply."""
        chance = self._chance
        return [
            chance.randint(6, 10),
            *(chance.randint(6, 14) for _ in range(chance.randint(1, 5))),
        ]
