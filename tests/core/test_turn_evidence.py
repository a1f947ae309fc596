from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.core.turn_evidence import turn_over
from edgevoice.core.words import Look, look

PROBABILITIES = st.floats(0, 1)
LOOKS = st.sampled_from([look(text) for text in ("", "Yes.", "Paris.", "What of it?", "If the")])


@given(PROBABILITIES, PROBABILITIES, LOOKS)
def test_the_surer_the_model_the_likelier(one: float, other: float, words: Look) -> None:
    low, high = sorted([one, other])
    assert 0 < turn_over(low, words) <= turn_over(high, words) < 1


@given(PROBABILITIES)
def test_unknown_words_tell_nothing(probability: float) -> None:
    assert turn_over(probability, None) == turn_over(probability, Look(words=9))


@pytest.mark.parametrize(
    ("likely", "unlikely"),
    [
        ("What is the weather like?", "What is the weather like in the"),
        ("What is the weather like?", "What is the"),
        ("What is the weather like?", "What is it?"),
        ("Yes.", "Paris."),
        ("Stop it.", "Start it."),
        ("What is it?", "What is the"),
    ],
    ids=[
        "an end that is open",
        "hardly any words, and an open end",
        "hardly any words",
        "an assent is enough",
        "an order to stop is enough",
        "both tell more than one",
    ],
)
@given(probability=PROBABILITIES)
def test_what_the_words_tell(likely: str, unlikely: str, probability: float) -> None:
    assert turn_over(probability, look(likely)) > turn_over(probability, look(unlikely))
