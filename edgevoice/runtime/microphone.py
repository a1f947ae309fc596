"""The near end of the microphone: a ring between the device's callback and the ears."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgevoice.backends.protocols import Samples

CAPACITY_S = 10.0
"""Kept for ears that are late; beyond it the oldest is lost, and counted."""

CREEP = 0.001
"""Seconds a second by which the estimate of the stream's start may move later: it follows
a device whose clock is slow."""

LOST_S = 0.25
"""A block this late means that what came before it is lost, as when a device was pulled out."""


class Microphone:
    """Takes blocks from a device at ``rate`` Hz and gives them to one reader.

    ``write`` and ``end`` come from the device's thread and only copy; ``read`` is the ears'.
    """

    def __init__(self, rate: int, notify: Callable[[], None]) -> None:
        self.rate = rate
        self.lost_samples = 0
        self._notify = notify
        self._ring = np.zeros(int(CAPACITY_S * rate), np.float32)
        self._written = 0
        self._read = 0
        self._start_at: float | None = None
        self.ended = False

    def write(self, block: Samples, at: float) -> None:
        """Take the next block, shape (n,), whose last sample was heard at ``at``."""
        size = len(self._ring)
        start = self._written % size
        head = min(len(block), size - start)
        self._ring[start : start + head] = block[:head]
        self._ring[: len(block) - head] = block[head:]
        self._written += len(block)
        seen = at - self._written / self.rate
        # A callback may come late but never early: the earliest start is the true one.
        if self._start_at is None or seen > self._start_at + LOST_S:
            self._start_at = seen
        else:
            self._start_at = min(seen, self._start_at + CREEP * len(block) / self.rate)
        self._notify()

    def end(self) -> None:
        """Say that nothing more will come that counts."""
        self.ended = True
        self._notify()

    def read(self) -> tuple[Samples, float]:
        """Return what came since the last call, and the time at which its last sample was heard."""
        written = self._written
        oldest = written - len(self._ring)
        if self._read < oldest:
            self.lost_samples += oldest - self._read
            self._read = oldest
        samples = self._ring[np.arange(self._read, written) % len(self._ring)]
        self._read = written
        return samples, (self._start_at or 0.0) + written / self.rate
