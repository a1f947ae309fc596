"""Counts the work in flight, so that a file can be talked with as fast as the lanes work."""

from __future__ import annotations

import threading


class Activity:
    """How many events and jobs are under way. Safe from any thread.

    Whoever hands work on calls ``begin`` first, whoever has finished it calls ``end``.
    """

    def __init__(self) -> None:
        self._count = 0
        self._idle = threading.Condition()

    def begin(self) -> None:
        """Count one more piece of work."""
        with self._idle:
            self._count += 1

    def end(self) -> None:
        """Count one piece of work less."""
        with self._idle:
            self._count -= 1
            if self._count == 0:
                self._idle.notify_all()

    def wait_idle(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing is under way. Returns False when the time is over first."""
        with self._idle:
            return self._idle.wait_for(lambda: self._count == 0, timeout_s)
