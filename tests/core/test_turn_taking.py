from __future__ import annotations

from math import exp, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.core.turn_evidence import EAR, EVEN, log_odds
from edgevoice.core.turn_taking import TurnTaking, next_partial, silence_needed
from edgevoice.core.words import Look

RULES = TurnTaking(sure_s=0.2, unsure_s=1.2, blind_s=0.7, sure_above=0.8, unsure_below=0.3)
CLOSED = Look(words=5)
OPEN = Look(words=5, open_end=True)


def heard_as(over: float) -> float:
    """What the turn-end model says where a turn of several words is over by ``over``."""
    odds = (log_odds(over) - EVEN) / EAR
    return 1 / (1 + exp(-odds))


SURE, HALFWAY, UNSURE = heard_as(0.8), heard_as(0.55), heard_as(0.3)


@pytest.mark.parametrize(
    ("probability", "look", "silence_s"),
    [
        (None, None, 0.7),
        (None, CLOSED, 0.7),
        (None, OPEN, 1.2),
        (SURE, None, 0.2),
        (SURE, CLOSED, 0.2),
        (HALFWAY, CLOSED, 0.7),
        (UNSURE, CLOSED, 1.2),
        (0.0, CLOSED, 1.2),
        (UNSURE, OPEN, 1.2),
    ],
    ids=[
        "nothing is known",
        "the words alone are no evidence of an end",
        "the words want more to follow",
        "sure by ear, the words not known yet",
        "sure by all evidence",
        "halfway between sure and unsure",
        "just unsure",
        "the user goes on",
        "neither ear nor words expect an end",
    ],
)
def test_silence_needed(probability: float | None, look: Look | None, silence_s: float) -> None:
    assert silence_needed(RULES, probability, look) == pytest.approx(silence_s)


PROBABILITIES = st.floats(0, 1)


@given(PROBABILITIES, PROBABILITIES, st.sampled_from([None, CLOSED, OPEN]))
def test_the_surer_the_sooner(one: float, other: float, look: Look | None) -> None:
    low, high = sorted([one, other])
    assert silence_needed(RULES, low, look) >= silence_needed(RULES, high, look)


@given(st.none() | PROBABILITIES, st.sampled_from([None, CLOSED, OPEN]))
def test_nobody_waits_less_than_sure_or_more_than_unsure(
    probability: float | None, look: Look | None
) -> None:
    assert 0.2 <= silence_needed(RULES, probability, look) <= 1.2


@given(st.none() | PROBABILITIES)
def test_an_open_end_never_shortens_the_wait(probability: float | None) -> None:
    assert silence_needed(RULES, probability, OPEN) >= silence_needed(RULES, probability, CLOSED)


@pytest.mark.parametrize(
    ("since", "at", "next_at"),
    [
        (5.0, 5.1, 6.0),
        (5.0, 6.0, 6.75),
        (5.0, 6.7, 6.75),
        (5.0, 6.75, 7.625),
    ],
    ids=[
        "the first, when there is something to hear",
        "the second, some time later",
        "not before",
        "the third, when there is half as much again",
    ],
)
def test_next_partial(since: float, at: float, next_at: float) -> None:
    rules = TurnTaking(first_partial_s=1.0, partial_every_s=0.75, partial_growth=1.5)
    assert next_partial(rules, since, at) == next_at


@given(st.floats(0, 1e5), st.floats(0, 300))
def test_a_timer_that_fires_a_rounding_early_is_not_set_again_for_the_same_time(
    since: float, length_s: float
) -> None:
    due = next_partial(RULES, since, since + length_s)
    assert next_partial(RULES, since, nextafter(due, 0)) > due


@given(st.floats(0, 1e5), st.floats(0, 300))
def test_the_next_partial_lies_ahead(since: float, length_s: float) -> None:
    assert next_partial(RULES, since, since + length_s) > since + length_s
