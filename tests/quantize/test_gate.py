from __future__ import annotations

import pytest

from edgevoice_quantize.budget import parse
from edgevoice_quantize.gate import judge

SOURCE = {"mb": 100.0, "seconds": 10.0, "pss_mb": 300.0, "wer": 0.05}
BETTER = {"mb": 40.0, "seconds": 7.0, "pss_mb": 200.0, "wer": 0.05}


@pytest.mark.parametrize(
    ("change", "noise", "word"),
    [
        ({}, {}, ""),
        ({"mb": 101.0}, {}, "bigger"),
        ({"mb": 100.0}, {}, ""),
        ({"seconds": 10.5}, {}, ""),
        ({"seconds": 10.6}, {}, "slower"),
        ({"seconds": 10.6}, {"seconds": 0.2}, ""),
        ({"pss_mb": 309.0}, {}, ""),
        ({"pss_mb": 310.0}, {}, "more memory"),
        ({"pss_mb": 310.0}, {"pss_mb": 15.0}, ""),
        ({"wer": 0.056}, {}, "worse"),
        ({"wer": 0.056}, {"wer": 0.1}, "worse"),
        ({"wer": float("nan")}, {}, "worse"),
        ({"seconds": float("nan")}, {}, "slower"),
    ],
    ids=[
        "better in all",
        "bigger",
        "as big",
        "a twentieth slower is allowed",
        "slower than that",
        "slower, but the clock is not sure",
        "as much memory as a repeat may take",
        "more memory",
        "more memory, but not surely",
        "more errors than allowed",
        "noise does not excuse errors",
        "no figure is no good figure",
        "nor is no time",
    ],
)
def test_what_is_kept_out_and_why(
    change: dict[str, float], noise: dict[str, float], word: str
) -> None:
    verdict = judge(SOURCE, BETTER | change, noise, parse("wer+0.5"))
    assert verdict.kept is not bool(word)
    assert [reason.split(":")[0] for reason in verdict.reasons] == ([word] if word else [])


def test_all_reasons_are_told_with_their_figures() -> None:
    verdict = judge(SOURCE, {"mb": 120.0, "seconds": 20.0, "pss_mb": 1.0, "wer": 0.2}, {}, ())
    assert str(verdict) == "bigger: 120 MB instead of 100; slower: 20 s instead of 10"


def test_a_budget_of_cost_is_not_called_worse() -> None:
    verdict = judge(SOURCE, BETTER, {}, parse("size<=30%, time<=75%"))
    assert str(verdict) == "too much: mb 40 (source 100) breaks mb<=30%"
