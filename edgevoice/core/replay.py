"""Runs a trace again through the conversation."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from edgevoice.core.commands import Command
from edgevoice.core.conversation import Conversation
from edgevoice.core.events import Event
from edgevoice.core.trace_format import Header, is_private


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a trace and the conversation part.

    Attributes:
        index: place in the trace, from 0; one past its end when a command is missing there.
        expected: the command that the trace has there; None if it goes on with an event, or ends.
        found: the command that the conversation gives instead; None if it gives none.

    """

    index: int
    expected: Command | None
    found: Command | None


def replay(header: Header, items: Iterable[Event | Command]) -> Difference | None:
    """Give a new conversation the events of a trace; return the first command that differs.

    What was said is not compared: a trace may lack it, and no decision depends on it.
    """
    conversation = Conversation("", header.rules, header.speculation)
    due: deque[Command] = deque()
    index = 0
    for index, item in enumerate(items, start=1):
        if isinstance(item, Event):
            if due:
                return Difference(index - 1, None, due[0])
            due += map(without_words, conversation.step(item))
        else:
            expected, found = without_words(item), due.popleft() if due else None
            if expected != found:
                return Difference(index - 1, expected, found)
    return Difference(index, None, due[0]) if due else None


def without_words(command: Command) -> Command:
    """Return ``command`` with what was said blanked."""
    shown: dict[str, Any] = {
        field.name: field.default if is_private(field) else getattr(command, field.name)
        for field in fields(command)
    }
    return type(command)(**shown)
