"""The level that a device's cooling bears: down ahead of the trip, up slowly, and no flapping."""

import random
from dataclasses import dataclass, field
from math import inf

import pytest

from edgevoice.core.cooling import (
    DOWN_EVERY_S,
    LONGEST_WAIT_S,
    UP_AFTER_S,
    Cooling,
    Reading,
    margin_k,
)
from edgevoice.core.device import Temperature
from edgevoice.core.thermal import Thermal

LOADS = (2.0, 1.2, 0.7, 0.3)
TRIP_C = 80.0


@dataclass
class Ride:
    """A device that does what it is told, for a while."""

    changes: list[float] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    highest_c: float = 0.0
    course: list[float] = field(default_factory=list)


def level_of(cooling: Cooling) -> int:
    """The best level that is allowed, as a plan takes it."""
    return next((i for i, load in enumerate(LOADS) if load <= cooling.most_load), len(LOADS) - 1)


def ride(
    body: Thermal,
    *,
    minutes: float = 60,
    noise_k: float = 0.0,
    step_k: float = 0.0,
    die_k: float = 0.0,
    seed: int = 1,
    sensor: bool = True,
    from_c: float | None = None,
) -> Ride:
    """Talk in turns of 20 s, half of each with twice the mean load."""
    chance, cooling, found = random.Random(seed), Cooling(), Ride()
    celsius = body.rest_c if from_c is None else from_c
    for sample in range(round(minutes * 12)):
        at = 5.0 * sample
        level = level_of(cooling)
        load = LOADS[level] * (1.9 if at % 20 < 10 else 0.1)
        celsius = body.after(celsius, load, 5.0)
        true_c = celsius + die_k * load
        told = true_c + chance.gauss(0, noise_k)
        told = round(told / step_k) * step_k if step_k else told
        temperature = Temperature("cpu-thermal", told, TRIP_C) if sensor else None
        if cooling.step(Reading(at, temperature, load), LOADS, level):
            found.changes.append(at)
        found.levels.append(level_of(cooling))
        found.highest_c = max(found.highest_c, true_c)
        found.course.append(true_c)
    return found


COOL = Thermal(40.0, 5.0, 150.0)
WARM = Thermal(55.0, 14.0, 200.0)
"""Bears 1.8 cores at the trip: the second level in the long run."""


def test_a_cool_device_is_left_alone() -> None:
    assert ride(COOL).changes == []


@pytest.mark.parametrize("tau_s", [60.0, 120.0, 200.0, 400.0, 800.0])
@pytest.mark.parametrize("rise_k", [14.0, 20.0, 30.0])
def test_the_trip_is_never_reached(tau_s: float, rise_k: float) -> None:
    found = ride(Thermal(50.0, rise_k, tau_s), noise_k=0.3, step_k=0.5)
    assert found.highest_c < TRIP_C
    assert found.changes


def test_it_steps_down_before_the_trip_one_level_at_a_time() -> None:
    found = ride(WARM)
    steps = [(a, b) for a, b in zip(found.levels, found.levels[1:], strict=False) if a != b]
    assert all(abs(b - a) == 1 for a, b in steps)
    assert found.highest_c < TRIP_C - 1


def test_most_of_what_is_borne_is_used() -> None:
    found = ride(WARM, minutes=120)
    second_half = found.levels[len(found.levels) // 2 :]
    mean_load = sum(LOADS[level] for level in second_half) / len(second_half)
    assert mean_load > 0.6 * WARM.load_at(TRIP_C)


def test_it_goes_up_again_when_the_room_cools() -> None:
    cooling = Cooling()
    celsius, at = 78.0, 0.0
    for body in (WARM, Thermal(25.0, 14.0, 200.0)):
        for _ in range(12 * 60):
            level = level_of(cooling)
            celsius = body.after(celsius, LOADS[level], 5.0)
            temperature = Temperature("cpu", celsius, TRIP_C)
            cooling.step(Reading(at, temperature, LOADS[level]), LOADS, level)
            at += 5.0
        if body is WARM:
            assert level_of(cooling) > 0
    assert level_of(cooling) == 0


NOISES = [(0.0, 0.0), (0.2, 0.5), (0.5, 1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 0.1)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("noise_k", "step_k"), NOISES)
@pytest.mark.parametrize("rise_k", [9.0, 11.0, 12.0, 14.0, 18.0, 25.0])
def test_no_flapping(rise_k: float, noise_k: float, step_k: float, seed: int) -> None:
    """Steady talk near the trip, on sensors from good to bad: at most a change a minute."""
    body = Thermal(55.0, rise_k, 150.0)
    found = ride(body, noise_k=noise_k, step_k=step_k, die_k=0.5, seed=seed)
    assert len(found.changes) <= 60
    for start in range(0, 3600, 300):
        assert sum(start <= at < start + 300 for at in found.changes) <= 5


def test_ups_that_did_not_hold_are_tried_ever_more_seldom() -> None:
    found = ride(WARM, minutes=180)
    last_hour = [at for at in found.changes if at >= 7200]
    assert len(last_hour) <= 8
    assert LONGEST_WAIT_S <= 3600


def test_a_device_that_throttles_steps_down_at_once() -> None:
    cooling = Cooling()
    at = 0.0
    throttled = Reading(at, None, 1.0, throttled=True)
    assert cooling.step(throttled, LOADS, 0)
    assert cooling.most_load == LOADS[1]
    assert not cooling.step(Reading(DOWN_EVERY_S / 4 - 1, None, 1.0, throttled=True), LOADS, 1)
    assert cooling.step(Reading(DOWN_EVERY_S / 4, None, 1.0, throttled=True), LOADS, 1)


def test_without_any_sensor_nothing_happens_until_it_throttles_and_it_goes_up_by_time() -> None:
    assert ride(WARM, sensor=False).changes == []
    cooling = Cooling()
    cooling.step(Reading(0.0, None, 1.0, throttled=True), LOADS, 0)
    assert not cooling.step(Reading(UP_AFTER_S - 1, None, 1.0), LOADS, 1)
    assert cooling.step(Reading(UP_AFTER_S, None, 1.0), LOADS, 1)
    assert cooling.most_load == inf


def test_a_sensor_that_falls_silent_holds_the_level() -> None:
    cooling = Cooling()
    hot = Temperature("cpu", 79.5, TRIP_C)
    level = 0
    for sample in range(40):
        level = level_of(cooling)
        cooling.step(Reading(5.0 * sample, hot, LOADS[level]), LOADS, level)
    assert level == len(LOADS) - 1


def test_the_lowest_level_is_the_end() -> None:
    cooling = Cooling()
    reading = Reading(0.0, Temperature("cpu", 90.0, TRIP_C), 1.0, throttled=True)
    assert not cooling.step(reading, LOADS, len(LOADS) - 1)
    assert not cooling.step(reading, (), 0)


def test_another_sensor_begins_anew() -> None:
    cooling = Cooling()
    for sample in range(100):
        cooling.step(Reading(5.0 * sample, Temperature("cpu", 60.0, 80.0), 1.0), LOADS, 0)
    assert cooling.fit.blocks
    cooling.step(Reading(500.0, Temperature("battery", 30.0, 45.0), 1.0), LOADS, 0)
    assert cooling.fit.blocks == 0


@pytest.mark.parametrize(("rest_c", "margin"), [(30.0, 3.0), (72.0, 2.0), (79.0, 1.0)])
def test_the_margin_is_less_where_there_is_little_room(rest_c: float, margin: float) -> None:
    assert margin_k(Thermal(rest_c, 10.0, 150.0), 80.0) == margin


def test_a_clock_that_jumps_back_does_not_stop_it() -> None:
    cooling = Cooling()
    cooling.step(Reading(1e6, None, 1.0, throttled=True), LOADS, 0)
    cooling.step(Reading(0.0, None, 1.0), LOADS, 1)
    assert cooling.step(Reading(UP_AFTER_S, None, 1.0), LOADS, 1)


@pytest.mark.parametrize(("celsius", "least"), [(40.0, 2.0), (60.0, 1.5), (72.0, 0.5), (79.0, 0.0)])
def test_a_device_that_is_warm_before_it_begins_begins_lower(celsius: float, least: float) -> None:
    cooling = Cooling()
    cooling.step(Reading(0.0, Temperature("cpu", celsius, TRIP_C), 0.0), (), 0)
    assert least <= cooling.most_load <= least + 2.0
    cooling.step(Reading(5.0, None, 0.0), (), 0)
    assert Cooling().most_load == inf
