from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.core.words import BACKCHANNELS, STOP_WORDS, Look, look, plain_words


@pytest.mark.parametrize(
    "text",
    [
        "Mhm.",
        "Mm-hmm.",
        "uh-huh",
        "Okay!",
        "Yes, yes.",
        "Oh, wow.",
        "I see.",
        "Oh, I see, okay.",
        "Got it.",
        "That’s right.",
        "All right.",
    ],
)
def test_words_that_only_say_go_on(text: str) -> None:
    assert look(text).backchannel
    assert not look(text).stop


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What?",
        "Yes, but why?",
        "I see a cat.",
        "Okay, stop.",
        "Right now?",
        "What is right?",
    ],
)
def test_words_that_say_more(text: str) -> None:
    assert not look(text).backchannel


@pytest.mark.parametrize(
    "text",
    [
        "Stop!",
        "Stop it, please.",
        "No.",
        "No, no, no.",
        "No, thank you.",
        "Wait a minute.",
        "Hold on.",
        "That's enough.",
        "Okay, stop.",
        "Be quiet!",
        "Shut up.",
        "Never mind.",
        "Please stop talking now.",
    ],
)
def test_words_that_only_say_stop(text: str) -> None:
    assert look(text).stop
    assert not look(text).backchannel


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No, in Paris.",
        "Stop at the next corner?",
        "Wait, what is that?",
        "Thank you.",
        "Please.",
        "Where is the bus stop?",
        "Knowing",
    ],
)
def test_words_that_want_an_answer(text: str) -> None:
    assert not look(text).stop


@pytest.mark.parametrize(
    "text",
    [
        "I would like to go to the",
        "I would like to go to the.",
        "My",
        "Apples and",
        "What is the?",
        "I think, um",
        "Remind me to",
        "She is",
        "I was thinking...",
        "I was thinking…",
        "He said -",
        "He said —",
        "[noise] So the",
    ],
)
def test_words_that_want_more_to_follow(text: str) -> None:
    assert look(text).open_end


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What is the time?",
        "Where are you from?",
        "What is it about?",
        "Who is she?",
        "Tell me more about that.",
        "I can do that.",
        "Theme.",
        "Yes.",
        "The conference is full,",
        "Remind me to call my mother (coughs)",
    ],
)
def test_words_that_may_be_the_last(text: str) -> None:
    assert not look(text).open_end


@pytest.mark.parametrize("text", ["", " ", "...", "?", "[BLANK_AUDIO]", "(coughs)", "*sighs*", "♪"])
def test_sounds_are_no_words(text: str) -> None:
    assert look(text) == Look(words=0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop me now", ["don't", "stop", "me", "now"]),
        ("Don’t", ["don't"]),
        ("mm-hmm, uh-huh", ["mm-hmm", "uh-huh"]),
        ("At 3 o'clock – sharp!", ["at", "3", "o'clock", "sharp"]),
        ("Übergröße, s'il vous plaît", ["übergröße", "s'il", "vous", "plaît"]),
    ],
)
def test_plain_words(text: str, words: list[str]) -> None:
    assert plain_words(text) == words
    assert look(text).words == len(words)


def test_no_word_says_both_stop_and_go_on() -> None:
    assert not BACKCHANNELS & STOP_WORDS


@given(st.text())
def test_any_text_can_be_looked_at(text: str) -> None:
    seen = look(text)
    assert not (seen.stop and seen.backchannel)
    assert seen.words or seen == Look()
