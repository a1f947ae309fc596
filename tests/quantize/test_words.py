from __future__ import annotations

import pytest

from edgevoice_quantize.words import comparable, normalised


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Press 1, NOW!", "press one now"),
        ("press one", "press one"),
        ("Dial 500.", "dial five zero zero"),
        ("dial five hundred", "dial five zero zero"),
        ("dial six zero zero", "dial six zero zero"),
        ("extension 8500", "extension eight five zero zero"),
        ("extension eighty-five hundred", "extension eight five zero zero"),
        ("twelve thousand three hundred forty-five", "one two three four five"),
        ("12,345", "one two three four five"),
        ("a 28.8 kilobit modem", "a two eight point eight kilobit modem"),
        ("twenty-eight point eight", "two eight point eight"),
        ("1234", "one two three four"),
        ("one two three four", "one two three four"),
        ("forty two forty two", "four two four two"),
        ("ten one", "one zero one"),
        ("twenty zero", "two zero zero"),
        ("hundreds of a hundred", "hundreds of a hundred"),
        ("press * or #", "press star or pound"),
        ("I'm sorry, it can't", "i am sorry it can not"),
        ("I am sorry, it cannot", "i am sorry it can not"),
        ("the user\u2019s mailbox", "the users mailbox"),
        ("re-enter", "reenter"),
        ("Caf\u00e9", "caf\u00e9"),
        ("", ""),
        ("... \u266a", ""),
    ],
)
def test_what_cannot_be_heard_is_taken_away(text: str, words: str) -> None:
    assert normalised(text) == words


@pytest.mark.parametrize("text", ["Dial 8500 & press #1.", "I'd say twenty-eight point eight"])
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


def test_compounds_are_the_same_apart_and_together() -> None:
    assert comparable("Log in to voicemail", "login to voice mail") == (
        "login to voicemail",
        "login to voicemail",
    )


def test_words_that_nobody_joins_stay_apart() -> None:
    assert comparable("press star", "press start") == ("press star", "press start")
