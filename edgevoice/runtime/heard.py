"""The last minutes of what the microphone heard, to be cut by time."""

from __future__ import annotations

import threading

import numpy as np

from edgevoice.backends.protocols import EARS_RATE, Samples


class Heard:
    """A ring of 16 kHz audio. ``append`` from the ears lane, ``since`` from any thread."""

    def __init__(self, capacity_s: float) -> None:
        self._ring = np.zeros(int(capacity_s * EARS_RATE), np.float32)
        self._total = 0
        self._end_at = 0.0
        self._lock = threading.Lock()

    def append(self, samples: Samples, end_at: float) -> None:
        """Add ``samples``, which ended at ``end_at`` on the conversation's clock."""
        with self._lock:
            size = len(self._ring)
            start = self._total % size
            head = min(len(samples), size - start)
            self._ring[start : start + head] = samples[:head]
            self._ring[: len(samples) - head] = samples[head:]
            self._total += len(samples)
            self._end_at = end_at

    def since(self, start_at: float, until: float | None = None) -> Samples:
        """Return a copy of what was heard from ``start_at`` to ``until``, or to the present.

        What is older than the ring, or was never heard, is left out.
        """
        with self._lock:
            last = self._total
            if until is not None:
                last -= max(0, round((self._end_at - until) * EARS_RATE))
            first = self._total - round((self._end_at - start_at) * EARS_RATE)
            first = max(first, self._total - len(self._ring), 0)
            if last <= first:
                return np.zeros(0, np.float32)
            return self._ring[np.arange(first, last) % len(self._ring)]
