"""The simulator: what it promises of the governor, and that it is sound itself."""

from itertools import pairwise
from pathlib import Path

import pytest

from bench.simulate.__main__ import DEVICES, POLICIES, simulate
from bench.simulate.body import Heat
from bench.simulate.lanes import Job, Lanes
from edgevoice.runtime.device.file import Body, Firmware, read

HOUR_S = 3600.0

HOT = ("pi5", "phone-mid", "phone-top")
"""Devices that throttle when nobody governs them."""

COLD = ("laptop", "pi5-fan")

_found: dict[tuple[str, str], dict[str, object]] = {}


def figures(device: str, policy: str) -> dict[str, object]:
    """What came of an hour; each is simulated once."""
    if (device, policy) not in _found:
        told = read(DEVICES / f"{device}.toml")
        _found[device, policy], _ = simulate(told, policy, HOUR_S)
    return _found[device, policy]


def number(device: str, policy: str, name: str) -> float:
    value = figures(device, policy)[name]
    assert isinstance(value, int | float)
    return value


@pytest.mark.parametrize("device", HOT)
def test_a_governed_device_never_reaches_its_trip(device: str) -> None:
    assert number(device, "none", "trips") > 0
    assert number(device, "governed", "trips") == 0


@pytest.mark.parametrize("device", HOT)
def test_it_says_nearly_as_much_as_one_who_knows_all(device: str) -> None:
    assert number(device, "governed", "tokens") >= 0.9 * number(device, "oracle", "tokens")


@pytest.mark.parametrize("device", HOT)
def test_late_replies_come_twice_as_early(device: str) -> None:
    assert 2 * number(device, "governed", "p95_ms") <= number(device, "none", "p95_ms")


@pytest.mark.parametrize("device", HOT)
def test_it_seldom_changes_its_level(device: str) -> None:
    assert number(device, "governed", "level_changes") <= 30


@pytest.mark.parametrize("device", COLD)
def test_a_cool_device_is_left_alone(device: str) -> None:
    assert figures(device, "governed") == figures(device, "none")


def test_the_same_seed_gives_the_same_hour_and_another_does_not() -> None:
    told = read(DEVICES / "pi5.toml")
    first, _ = simulate(told, "governed", 600.0, seed=3)
    again, _ = simulate(told, "governed", 600.0, seed=3)
    other, _ = simulate(told, "governed", 600.0, seed=4)
    assert first == again != other


@pytest.mark.parametrize("policy", POLICIES)
def test_every_turn_is_answered(policy: str) -> None:
    told = read(DEVICES / "phone-top.toml")
    found, outcome = simulate(told, policy, 600.0)
    turns = found["turns"]
    assert isinstance(turns, int)
    assert turns > 20
    assert all(0 < wait < 15 for _, wait in outcome.latencies)
    assert all(after > before for before, after in pairwise(at for at, _ in outcome.latencies))


BODY = Body(
    room_c=20.0,
    idle_w=2.0,
    core_w=1.0,
    core_exponent=2.0,
    die_k_per_w=2.0,
    board_k_per_w=8.0,
    board_tau_s=100.0,
)

FIRMWARE = Firmware("cpu", trip_c=80.0, clear_c=75.0, step_s=2.0, clocks=(1.0, 0.5))


def heated(body: Body, firmware: Firmware, cores: float, seconds: float) -> Heat:
    heat = Heat(body, firmware)
    for _ in range(round(seconds)):
        heat.advance(1.0, cores)
    return heat


def test_a_body_at_rest_stays_as_it_is() -> None:
    heat = heated(BODY, FIRMWARE, 0.0, 1000)
    assert heat.celsius == pytest.approx(20 + 10 * 2)


def test_a_body_warms_to_what_its_power_makes() -> None:
    assert heated(BODY, FIRMWARE, 3.0, 2000).celsius == pytest.approx(20 + 10 * 5)


def test_the_firmware_lowers_the_clock_and_so_the_power() -> None:
    heat = heated(BODY, FIRMWARE, 8.0, 2000)
    assert heat.trips > 1
    assert heat.highest_c < 83
    assert Heat(BODY, FIRMWARE).watts(4.0) == 6.0


def test_a_fan_cools() -> None:
    with_fan = Body(
        **{name: getattr(BODY, name) for name in BODY.__slots__ if name != "fan"},
        fan=((50.0, 4.0), (60.0, 2.0)),
    )
    assert heated(with_fan, FIRMWARE, 4.0, 2000).celsius < heated(BODY, FIRMWARE, 4.0, 2000).celsius


def test_lanes_share_the_cores() -> None:
    lanes, ended = Lanes(4), []
    lanes.submit("llm", Job(1, 4).then(1.0, lambda: ended.append("llm")))
    assert lanes.next_end(1.0) == 1.0
    lanes.submit("stt", Job(1, 4).then(1.0, lambda: ended.append("stt")))
    assert lanes.next_end(1.0) == 2.0
    assert lanes.next_end(0.5) == 4.0
    for done in lanes.advance(4.0, 0.5):
        done()
    assert ended == ["stt", "llm"]
    assert lanes.work_s == 16.0


def test_what_is_sure_takes_the_place_of_a_guess() -> None:
    lanes, ended = Lanes(4), []
    lanes.submit("llm", Job(1, 1, guess=True).then(9.0, lambda: ended.append("guess")))
    lanes.submit("llm", Job(1, 1).then(1.0, lambda: ended.append("sure")))
    for done in lanes.advance(1.0, 1.0):
        done()
    assert ended == ["sure"]
    lanes.submit("llm", Job(2, 1).then(9.0, lambda: ended.append("never")))
    lanes.cancel(2)
    assert lanes.busy() == 0


def test_pictures_are_drawn(tmp_path: Path) -> None:
    from bench.simulate.picture import draw

    told = read(DEVICES / "pi5.toml")
    _, outcome = simulate(told, "governed", 120.0)
    draw(told, {"governed": outcome}, tmp_path / "pi5.png")
    assert (tmp_path / "pi5.png").stat().st_size > 10_000
