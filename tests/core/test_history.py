from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.core.history import Message, alternating, window

SYSTEM = Message("system", "s" * 10)


def turn(number: int, length: int = 20) -> list[Message]:
    """A turn of ``length`` tokens, half of them the question's."""
    half = length // 2
    return [
        Message("user", f"{number}".ljust(half, "?")),
        Message("assistant", f"{number}".ljust(half, "!")),
    ]


def count(messages: Sequence[Message]) -> int:
    """As many tokens as letters."""
    return sum(len(message.text) for message in messages)


def turns(*numbers: int) -> list[Message]:
    return [message for number in numbers for message in turn(number)]


QUESTION = Message("user", "q" * 10)


@pytest.mark.parametrize(
    ("messages", "budget", "seen"),
    [
        ([SYSTEM, QUESTION], 20, [SYSTEM, QUESTION]),
        ([SYSTEM, *turns(1, 2, 3), QUESTION], 80, [SYSTEM, *turns(1, 2, 3), QUESTION]),
        ([SYSTEM, *turns(1, 2, 3), QUESTION], 79, [SYSTEM, QUESTION]),
        ([SYSTEM, *turns(1, 2, 3, 4), QUESTION], 99, [SYSTEM, *turns(4), QUESTION]),
        ([SYSTEM, *turns(*range(6)), QUESTION], 120, [SYSTEM, *turns(4, 5), QUESTION]),
        ([SYSTEM, *turns(1), QUESTION], 15, [SYSTEM, QUESTION]),
        ([SYSTEM, QUESTION], 5, [SYSTEM, QUESTION]),
        (
            [SYSTEM, Message("user", "1"), *turns(2), QUESTION],
            40,
            [SYSTEM, QUESTION],
        ),
        (
            [SYSTEM, Message("assistant", "Sorry!"), *turns(2, 3), QUESTION],
            65,
            [SYSTEM, QUESTION],
        ),
    ],
    ids=[
        "all fits",
        "all just fits",
        "one token too much: half the budget is made free",
        "what fits in the half stays",
        "the newest turns stay, the oldest go",
        "the question stays, though it does not fit the half",
        "the question stays, though it does not fit at all",
        "a question that was not answered is a turn of its own",
        "an apology before any question is a turn of its own",
    ],
)
def test_window(messages: list[Message], budget: int, seen: list[Message]) -> None:
    assert window(messages, count, budget) == seen


TURNS = st.lists(st.integers(2, 60), max_size=12).map(
    lambda lengths: [m for number, length in enumerate(lengths) for m in turn(number, length)]
)


@given(TURNS, st.integers(0, 400))
def test_the_system_prompt_the_newest_turns_and_the_question_stay(
    talk: list[Message], budget: int
) -> None:
    seen = window([SYSTEM, *talk, QUESTION], count, budget)
    kept = len(seen) - 2
    assert seen == [SYSTEM, *talk[len(talk) - kept :], QUESTION]
    assert kept % 2 == 0, "half a turn"


@given(TURNS, st.integers(0, 400))
def test_what_is_seen_fits_if_the_question_does(talk: list[Message], budget: int) -> None:
    seen = window([SYSTEM, *talk, QUESTION], count, budget)
    assert count(seen) <= max(budget, count([SYSTEM, QUESTION]))


@given(TURNS, st.integers(20, 400))
def test_after_a_cut_there_is_room_for_more_turns(talk: list[Message], budget: int) -> None:
    messages = [SYSTEM, *talk, QUESTION]
    seen = window(messages, count, budget)
    if len(seen) < len(messages):
        assert count(seen) <= max(budget // 2, count([SYSTEM, QUESTION]))
        newest_dropped = messages[1 : len(messages) - len(seen) + 1][-2:]
        assert count([*newest_dropped, *seen]) > budget // 2, "more than had to go"


@given(TURNS, st.integers(0, 400))
def test_what_was_cut_once_is_not_cut_again(talk: list[Message], budget: int) -> None:
    seen = window([SYSTEM, *talk, QUESTION], count, budget)
    assert window(seen, count, max(budget, count(seen))) == seen


ROLES = {"s": "system", "u": "user", "a": "assistant"}


def talk_of(shorthand: str) -> list[Message]:
    return [Message(ROLES[word[0]], word) for word in shorthand.split()]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("talk", "accepted"),
    [
        ("", []),
        ("s u1 a1 u2", ["s", "u1", "a1", "u2"]),
        ("s u1 u2 a2 u3", ["s", "u1 u2", "a2", "u3"]),
        ("s u1 a1 a2 u2", ["s", "u1", "a1 a2", "u2"]),
        ("s a0 a1 u1", ["s", "u1"]),
        ("a0 u1 u2", ["u1 u2"]),
    ],
    ids=[
        "nothing",
        "turns are left as they are",
        "a question without an answer goes with the next",
        "an apology goes with the answer before it",
        "an apology before any question is left out",
        "without a system prompt",
    ],
)
def test_alternating(talk: str, accepted: list[str]) -> None:
    assert [message.text for message in alternating(talk_of(talk))] == accepted


@given(st.text(alphabet="ua", max_size=12))
def test_roles_take_turns(roles: str) -> None:
    talk = [SYSTEM, *talk_of(" ".join(roles)), QUESTION]
    seen = [message.role for message in alternating(talk)]
    assert seen == ["system", *["user", "assistant"] * (len(seen) // 2 - 1), "user"]
    assert alternating(talk)[-1].text.endswith(QUESTION.text)
