"""The conversation's clock: real time, or the time of the audio that has gone by."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the session began. Safe to read from any thread."""

    def now(self) -> float:
        """Return the time in seconds."""
        ...


class RealClock:
    """Wall time, monotonic."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def now(self) -> float:
        """Return the seconds since the clock was made."""
        return time.monotonic() - self._start


class AudioClock:
    """Time that passes only as audio does: a talk from a file then runs as fast as it can."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Return the seconds of audio so far."""
        return self._now

    def advance_to(self, seconds: float) -> None:
        """Set the time. Called by the one thread that moves the audio."""
        self._now = seconds
