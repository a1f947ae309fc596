"""How far a pull has come, for whoever shows it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told by a pull what it does. Calls come from the pull's thread and must be quick."""

    def begin(self, what: str, total_bytes: int, done_bytes: int = 0) -> None:
        """Start on ``what``; ``done_bytes`` of it are here from an earlier attempt."""
        ...

    def advance(self, num_bytes: int) -> None:
        """Say that ``num_bytes`` more of what was begun last are done."""
        ...

    def say(self, line: str) -> None:
        """Tell the user one thing, as a whole line."""
        ...


class Silent:
    """Shows nothing."""

    def begin(self, what: str, total_bytes: int, done_bytes: int = 0) -> None:
        """Show nothing."""

    def advance(self, num_bytes: int) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Show nothing."""
