"""Cancelling: one flag, in a tree, that native work checks between calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from weakref import WeakSet


class Cancelled(BaseException):
    """Raised inside a job whose scope was cancelled.

    Not an ``Exception``, so that a backend's ``except Exception`` cannot swallow it.
    """


class CancelScope:
    """A flag that native work checks between calls.

    Cancelling a scope cancels the scopes under it. Safe from any thread; cancelling
    twice is the same as once. A scope does not keep the scopes under it alive.
    """

    def __init__(self, parent: CancelScope | None = None) -> None:
        """Start uncancelled, unless ``parent`` is cancelled already."""
        self._flag = threading.Event()
        self._lock = threading.Lock()
        self._stop_hooks: list[Callable[[], None]] = []
        self._children: WeakSet[CancelScope] = WeakSet()
        if parent:
            parent.adopt(self)

    @property
    def cancelled(self) -> bool:
        """True from the moment ``cancel`` was called here or above."""
        return self._flag.is_set()

    def check(self) -> None:
        """Raise ``Cancelled`` if the work should stop. Call it between native calls."""
        if self.cancelled:
            raise Cancelled

    def on_cancel(self, stop: Callable[[], None]) -> None:
        """Call ``stop`` once on cancellation, at once if that has already happened."""
        with self._lock:
            if not self.cancelled:
                self._stop_hooks.append(stop)
                return
        stop()

    def cancel(self) -> None:
        """Stop this scope and all under it."""
        with self._lock:
            self._flag.set()
            hooks, self._stop_hooks = self._stop_hooks, []
            children = list(self._children)
        for stop in hooks:
            stop()
        for child in children:
            child.cancel()

    def adopt(self, child: CancelScope) -> None:
        """Cancel ``child`` with this scope; called by the child's constructor."""
        with self._lock:
            self._children.add(child)
            if not self.cancelled:
                return
        child.cancel()
