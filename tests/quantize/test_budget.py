from __future__ import annotations

import pytest

from edgevoice.errors import Misused
from edgevoice_quantize.budget import Limit, parse

SOURCE = {"wer": 0.05, "kl": 0.0, "mcd_db": 0.0, "mb": 150.0, "top1": 1.0, "seconds": 10.0}


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("wer+0.5", [Limit("wer", "+", 0.005)]),
        ("wer+0.5%", [Limit("wer", "+", 0.005)]),
        ("wer<=5", [Limit("wer", "<=", 0.05)]),
        ("kl<=0.05", [Limit("kl", "<=", 0.05)]),
        ("kl <= .05", [Limit("kl", "<=", 0.05)]),
        ("mcd<=1.0", [Limit("mcd_db", "<=", 1.0)]),
        ("mcd<=1.0dB", [Limit("mcd_db", "<=", 1.0)]),
        ("size<=60MB", [Limit("mb", "<=", 60.0)]),
        ("size<=1.5GB", [Limit("mb", "<=", 1500.0)]),
        ("size<=60", [Limit("mb", "<=", 60.0)]),
        ("top1>=95", [Limit("top1", ">=", 0.95)]),
        ("time<=20s", [Limit("seconds", "<=", 20.0)]),
        ("memory<=200MB", [Limit("pss_mb", "<=", 200.0)]),
        ("time<=75%", [Limit("seconds", "<=%", 0.75)]),
        ("size<=55%", [Limit("mb", "<=%", 0.55)]),
        ("wer+0.5, size<=60MB", [Limit("wer", "+", 0.005), Limit("mb", "<=", 60.0)]),
    ],
)
def test_a_budget_is_read(text: str, limits: list[Limit]) -> None:
    assert list(parse(text)) == limits


@pytest.mark.parametrize(
    "text",
    ["", "wer", "wer+", "wer=1", "wer-0.5", "0.5", "wer+0.5;kl", "wer+x", "wer<=-1"],
)
def test_rubbish_is_no_budget(text: str) -> None:
    with pytest.raises(Misused, match="is not a budget") as refused:
        parse(text)
    assert "wer+0.5" in refused.value.hint


def test_an_unknown_measure_is_named() -> None:
    with pytest.raises(Misused, match="Nothing called 'weight' is measured"):
        parse("weight<=5")


@pytest.mark.parametrize(
    "text", ["wer+0.5MB", "size<=60s", "kl<=5%", "mcd<=1GB", "time<=1MB", "size+5%", "size>=5%"]
)
def test_a_wrong_unit_is_refused(text: str) -> None:
    with pytest.raises(Misused, match="wrong unit"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "candidate", "within"),
    [
        ("wer+0.5", {"wer": 0.055}, True),
        ("wer+0.5", {"wer": 0.0551}, False),
        ("wer+0.5", {"wer": 0.01}, True),
        ("wer+0.5", {"wer": float("nan")}, False),
        ("wer+0", {"wer": 0.05}, True),
        ("kl<=0.05", {"kl": 0.051}, False),
        ("top1>=95", {"top1": 0.94}, False),
        ("top1>=95", {"top1": 0.95}, True),
        ("size<=60MB", {"mb": 60.0}, True),
        ("size<=55%", {"mb": 82.5}, True),
        ("size<=55%", {"mb": 82.6}, False),
    ],
)
def test_what_is_within(text: str, candidate: dict[str, float], within: bool) -> None:
    (limit,) = parse(text)
    assert (limit.excess(SOURCE, candidate) <= 1e-9) is within


def test_a_measure_of_another_role_is_named() -> None:
    (limit,) = parse("mcd<=1")
    with pytest.raises(Misused, match="mcd_db is not measured here"):
        limit.excess({"wer": 0.1}, {"wer": 0.1})


def test_a_limit_reads_as_it_was_written() -> None:
    assert [str(limit) for limit in parse("wer+0.5, kl<=0.05, size<=60MB, time<=75%")] == [
        "wer+0.5%",
        "kl<=0.05",
        "mb<=60",
        "seconds<=75%",
    ]
