"""The benchmark of turn-taking, on an item of silence with made-up answers of the models."""

from __future__ import annotations

import numpy as np
import pytest

from bench.turn_set_item import Item, Kind, Said
from bench.turns_evidence import Evidence, cleaned
from bench.turns_fit import regression
from bench.turns_talk import Outcome, VirtualTalk
from edgevoice.core.events import SpeechEnded, SpeechStarted
from edgevoice.core.turn_taking import TurnTaking

RULES = TurnTaking(sure_s=0.2, unsure_s=1.2)
SOUND = np.zeros(5 * 16_000, np.float32)


class Known(Evidence):
    """Every silence is the last one by ear, after a whole sentence."""

    def __init__(self) -> None:
        """Ask no model."""

    def score(self, since: float, at: float) -> float:
        return 0.999

    def text(self, since: float, at: float) -> str:
        return "What is the time?"


def outcome(pause_s: float, lanes_s: float) -> Outcome:
    """What becomes of a second of speech, a pause, and another second."""
    again = 1.5 + pause_s
    item = Item(Kind.PAUSES, "fit", SOUND, 0.5, again + 1.0, Said("clip", SOUND, "text"))
    heard: list[SpeechStarted | SpeechEnded] = []
    for since in (0.5, again):
        heard += [SpeechStarted(since + 0.06, since), SpeechEnded(since + 1.06, since + 1.0)]
    return VirtualTalk(item, Known(), heard, RULES, lanes_s).run()


@pytest.mark.parametrize(
    ("pause_s", "lanes_s", "early", "cut_off"),
    [
        (0.1, 0.0, False, False),
        (0.3, 0.0, True, True),
        (0.3, 0.4, True, False),
        (0.5, 0.4, True, True),
    ],
    ids=["taken back in time", "too late", "in time for slow lanes", "too late for them as well"],
)
def test_what_counts_as_cut_off(pause_s: float, lanes_s: float, early: bool, cut_off: bool) -> None:
    found = outcome(pause_s, lanes_s)
    assert (found.decided_early, found.cut_off) == (early, cut_off)


def test_the_wait_is_that_after_the_last_word() -> None:
    assert outcome(0.3, 0.0).decided_at == pytest.approx(0.5 + 1.0 + 0.3 + 1.0 + 0.2)


def test_what_nobody_spoke_over_stays_as_it_is() -> None:
    item = Item(Kind.PLAIN, "fit", SOUND, 0.5, 1.5, Said("clip", SOUND, "text"))
    assert cleaned(item) is item


def test_the_regression_finds_the_weights() -> None:
    rng = np.random.default_rng(0)
    evidence = np.column_stack([np.ones(20_000), rng.normal(size=(20_000, 2))])
    odds = evidence @ [0.5, 1.0, -2.0]
    last = (rng.random(20_000) < 1 / (1 + np.exp(-odds))).astype(float)
    assert regression(evidence, last) == pytest.approx([0.5, 1.0, -2.0], abs=0.1)
