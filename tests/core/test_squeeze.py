"""How much memory is given back, and when it is taken again."""

import itertools
from dataclasses import replace
from math import inf

import pytest

from edgevoice.core.device import Device
from edgevoice.core.plan_types import SMALLER
from edgevoice.core.squeeze import (
    CALM_S,
    LONGEST_CALM_S,
    PRESSURE,
    REFAULTS_PER_S,
    SHRINK,
    Squeeze,
    need,
)

CALM = Device(memory_total_mb=512, memory_free_mb=200, refaults_per_s=0, memory_pressure=0)
THRASHING = replace(CALM, refaults_per_s=20_000)


@pytest.mark.parametrize(
    ("sample", "short"),
    [
        (CALM, False),
        (Device(), False),
        (replace(CALM, refaults_per_s=REFAULTS_PER_S), False),
        (replace(CALM, refaults_per_s=REFAULTS_PER_S + 1), True),
        (replace(CALM, memory_pressure=PRESSURE + 0.01), True),
        (replace(CALM, memory_free_mb=25), False),
        (replace(CALM, memory_free_mb=20), True),
        (replace(CALM, memory_free_mb=0.0), True),
    ],
    ids=[
        *("calm", "nothing is told", "some refaults", "refaults", "pressure"),
        *("half of the headroom", "less than that", "over its limit"),
    ],
)
def test_what_shows_that_memory_is_short(sample: Device, short: bool) -> None:
    assert bool(need(sample)) is short


def test_a_stage_with_every_sample_until_all_is_given_back() -> None:
    squeeze = Squeeze()
    stages = []
    for sample in range(8):
        squeeze.step(5.0 * sample, THRASHING, 600.0)
        stages.append(squeeze.stage)
    assert stages == [1, 2, 3, 4, 5, 5, 5, 5]
    assert squeeze.most_mb == pytest.approx(600 * SHRINK**4)


def test_two_samples_at_once_are_one() -> None:
    squeeze = Squeeze()
    assert squeeze.step(0.0, THRASHING, 600.0)
    assert not squeeze.step(1.0, THRASHING, 600.0)


def test_it_is_taken_back_one_stage_a_minute_of_calm() -> None:
    squeeze = Squeeze()
    for sample in range(5):
        squeeze.step(5.0 * sample, THRASHING, 600.0)
    assert squeeze.stage == SMALLER
    times = [at for at in range(25, 900, 5) if squeeze.step(float(at), CALM, 600.0)]
    assert times[0] == 25 + CALM_S
    assert [b - a for a, b in itertools.pairwise(times)] == [CALM_S] * 4
    assert (squeeze.stage, squeeze.most_mb) == (0, inf)


def test_calm_that_does_not_last_is_trusted_ever_less() -> None:
    squeeze, at, eased = Squeeze(), 0.0, []
    while at < 6 * 3600:
        sample = THRASHING if squeeze.stage < 2 else CALM
        before = squeeze.stage
        squeeze.step(at, sample, 600.0)
        if squeeze.stage < before:
            eased.append(at)
        at += 5.0
    waits = [b - a for a, b in itertools.pairwise(eased)]
    assert waits == sorted(waits)
    assert waits[-1] <= LONGEST_CALM_S + 10
    assert len(eased) < 20


def test_while_a_model_is_read_in_only_free_memory_counts() -> None:
    squeeze = Squeeze()
    squeeze.expect_load(0.0, 15.0)
    assert not squeeze.step(5.0, THRASHING, 600.0)
    assert squeeze.step(10.0, replace(CALM, memory_free_mb=1), 600.0)
    assert squeeze.step(20.0, THRASHING, 600.0)
