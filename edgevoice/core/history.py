"""What was said: messages, turns, and the window of them that a model still sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Speaker = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat prompt."""

    role: Speaker
    text: str


def window(
    messages: Sequence[Message], count_tokens: Callable[[Sequence[Message]], int], budget: int
) -> list[Message]:
    """Return the system prompt and the newest whole turns that fit in ``budget`` tokens.

    A turn is a user's message with all that follows until the next one. When the messages
    do not fit, turns are dropped from the oldest on until half the budget is free again,
    so that the cost of dropping (the cache moves) is paid once in many turns. The last
    turn always stays: without the question there is nothing to answer.
    """
    if count_tokens(messages) <= budget:
        return list(messages)
    system = [m for m in messages if m.role == "system"]
    turns = _turns([m for m in messages if m.role != "system"])
    while len(turns) > 1:
        turns.pop(0)
        kept = [*system, *(m for turn in turns for m in turn)]
        if count_tokens(kept) <= budget // 2:
            break
    return [*system, *(m for turn in turns for m in turn)]


def alternating(messages: Sequence[Message]) -> list[Message]:
    """Return ``messages`` as a chat template that insists on taking turns accepts them.

    A talk with interruptions has questions without an answer, and apologies without a
    question: neighbours of one role are joined, and an answer before any question is left out.
    """
    joined: list[Message] = []
    for message in messages:
        before = joined[-1].role if joined else "system"
        if message.role == before and joined:
            joined[-1] = Message(message.role, f"{joined[-1].text} {message.text}")
        elif (before, message.role) != ("system", "assistant"):
            joined.append(message)
    return joined


def _turns(messages: Sequence[Message]) -> list[list[Message]]:
    turns: list[list[Message]] = []
    for message in messages:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns
