from __future__ import annotations

import pytest

from edgevoice.core.echo_words import is_echo

SAYING = "The weather will be fine tomorrow, with a little wind from the west."


@pytest.mark.parametrize(
    ("heard", "echo"),
    [
        ("The weather will be fine tomorrow.", True),
        ("whether will be fine to borrow with a little", True),
        ("A little wind from the west", True),
        ("What about the day after?", False),
        ("Stop.", False),
        ("Wait, what was the wind?", False),
        ("And will it rain in the evening?", False),
        ("fine", False),
        ("", False),
    ],
)
def test_the_assistants_own_words_are_told_from_the_users(heard: str, echo: bool) -> None:
    assert is_echo(heard, SAYING) is echo


def test_while_nothing_is_said_nothing_is_an_echo() -> None:
    assert not is_echo("The weather will be fine.", "")
