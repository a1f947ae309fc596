"""Where all facts arrive: a queue of events and a set of timers, for one reader."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from edgevoice.core.events import Event, TimerFired
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.clock import Clock

Call = Callable[[], None]
"""Something to be done by the reader."""


class Mailbox:
    """Events in the order they were posted; timers when their time has come.

    ``post``, ``call`` and ``wake`` are safe from any thread; all else belongs to the reader.
    """

    def __init__(self, clock: Clock, activity: Activity) -> None:
        self._clock = clock
        self._activity = activity
        self._queue: deque[Event | Call | None] = deque()
        self._arrived = threading.Condition()
        self._timers: dict[str, float] = {}
        self._in_hand = False

    def post(self, event: Event) -> None:
        """Hand ``event`` to the reader."""
        self._put(event)

    def call(self, call: Call) -> None:
        """Let the reader do ``call``, after what was posted before."""
        self._put(call)

    def wake(self) -> None:
        """Let the reader look at the clock."""
        self._put(None)

    def set_timer(self, name: str, at: float) -> None:
        """Let ``TimerFired(name)`` arrive at the time ``at``, in place of an earlier ``name``."""
        self._timers[name] = at

    def get(self, timeout_s: float) -> Event | Call | None:
        """Return the next event or call, or None when woken, or when ``timeout_s`` has gone by.

        What was posted comes before a timer that is due: speech that began in time wins.
        By asking for the next item the reader says that it is done with the last one.
        """
        with self._arrived:
            if not self._queue:
                if due := self._due():
                    return due
                self._finish()
                self._arrived.wait_for(lambda: self._queue, self._patience(timeout_s))
            if not self._queue:
                return self._due()
            item = self._queue.popleft()
        self._finish()
        self._in_hand = True
        return item

    def _put(self, item: Event | Call | None) -> None:
        self._activity.begin()
        with self._arrived:
            self._queue.append(item)
            self._arrived.notify()

    def _finish(self) -> None:
        if self._in_hand:
            self._in_hand = False
            self._activity.end()

    def _patience(self, timeout_s: float) -> float:
        if not self._timers:
            return timeout_s
        return min(timeout_s, max(0.0, min(self._timers.values()) - self._clock.now()))

    def _due(self) -> TimerFired | None:
        """Return the timer that is over, the earliest first."""
        if not self._timers:
            return None
        name = min(self._timers, key=self._timers.__getitem__)
        if self._timers[name] > self._clock.now():
            return None
        return TimerFired(at=self._timers.pop(name), name=name)
