"""The thermal model: what it foresees, and how it is learned from a noisy sensor."""

import random
from math import exp, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.core.thermal import BOARD, SHELL, Fit, Thermal

PI = Thermal(rest_c=55.0, rise_k=10.0, tau_s=200.0)


def test_the_model() -> None:
    assert PI.steady_c(2.0) == 75.0
    assert PI.after(55.0, 2.0, 0.0) == 55.0
    assert PI.after(55.0, 2.0, 200.0) == pytest.approx(75 - 20 * exp(-1))
    assert PI.load_at(80.0) == 2.5
    assert PI.load_at(40.0) == 0.0


@pytest.mark.parametrize(
    ("celsius", "load", "seconds"), [(80.0, 1.0, 0.0), (60.0, 2.0, inf), (60.0, 2.5, inf)]
)
def test_some_limits_are_reached_already_and_some_never(
    celsius: float, load: float, seconds: float
) -> None:
    assert PI.seconds_to(80.0, celsius, load) == seconds


@given(st.floats(30, 79), st.floats(2.6, 8))
def test_the_time_to_the_limit_is_the_time_at_which_it_is_reached(
    celsius: float, load: float
) -> None:
    seconds = PI.seconds_to(80.0, celsius, load)
    assert PI.after(celsius, load, seconds) == pytest.approx(80.0)


def learned(
    true: Thermal,
    *,
    prior: Thermal = BOARD,
    minutes: float = 40,
    noise_k: float = 0.0,
    step_k: float = 0.0,
    seed: int = 1,
) -> Fit:
    """A fit to talks of 18 s turns that are lively and slow by turns, for so many minutes."""
    chance, fit = random.Random(seed), Fit(prior)
    celsius = true.rest_c
    for sample in range(round(minutes * 12)):
        at = 5.0 * sample
        lively = (at // 300) % 2 == 0
        load = (3.0 if at % 18 < 9 else 0.3) if lively else (0.8 if at % 18 < 9 else 0.1)
        celsius = true.after(celsius, load, 5.0)
        told = celsius + chance.gauss(0, noise_k)
        fit.observe(at, round(told / step_k) * step_k if step_k else told, load)
    return fit


@pytest.mark.parametrize("rise_k", [4.0, 8.0, 16.0])
@pytest.mark.parametrize("tau_s", [80.0, 150.0, 300.0])
@pytest.mark.parametrize(("noise_k", "step_k"), [(0.0, 0.0), (0.3, 0.5), (1.0, 1.0)])
def test_the_long_run_is_learned(
    rise_k: float, tau_s: float, noise_k: float, step_k: float
) -> None:
    true = Thermal(50.0, rise_k, tau_s)
    thermal = learned(true, noise_k=noise_k, step_k=step_k).thermal
    for load in (0.5, 1.6):  # of the two kinds of talk
        assert thermal.steady_c(load) == pytest.approx(true.steady_c(load), abs=2.5)


def test_a_phone_s_shell_is_learned() -> None:
    true = Thermal(34.0, 6.0, 450.0)
    thermal = learned(true, prior=SHELL, noise_k=0.3, step_k=0.5, minutes=60).thermal
    assert thermal.steady_c(1.0) == pytest.approx(true.steady_c(1.0), abs=2.5)
    assert thermal.rise_k > 2.5


def test_before_anything_is_learned_the_device_is_at_rest() -> None:
    fit = Fit()
    fit.observe(0.0, 61.0, 2.0)
    assert fit.thermal.rest_c == 61.0
    assert fit.thermal.rise_k == pytest.approx(BOARD.rise_k)
    assert fit.thermal.tau_s == pytest.approx(BOARD.tau_s)


def test_a_gap_or_a_jump_of_the_clock_teaches_nothing() -> None:
    fit = learned(PI, minutes=20)
    before, blocks = fit.thermal, fit.blocks
    for at in (1e6, 1e6 + 5, 0.0, 5.0, 10.0, 1e6, 0.0):
        fit.observe(at, 20.0, 0.0)
    assert fit.blocks == blocks
    assert fit.thermal == before


def test_a_warming_room_is_followed() -> None:
    fit = learned(PI, minutes=40)
    hot = Thermal(PI.rest_c + 8, PI.rise_k, PI.tau_s)
    celsius = 75.0
    for sample in range(12 * 60):
        load = 1.5 if sample % 4 < 2 else 0.5
        celsius = hot.after(celsius, load, 5.0)
        fit.observe(2400 + 5.0 * sample, celsius, load)
    assert fit.thermal.steady_c(1.0) == pytest.approx(hot.steady_c(1.0), abs=1.5)


@pytest.mark.parametrize("noise_k", [0.0, 0.3, 1.0, 2.0])
def test_the_ripple_is_what_single_readings_add(noise_k: float) -> None:
    fit = learned(Thermal(50.0, 0.5, 1000.0), noise_k=noise_k)
    assert fit.ripple_k <= 3 * noise_k + 0.2
    assert fit.ripple_k >= 0.5 * noise_k


@given(
    st.lists(st.tuples(st.floats(-1e4, 1e6), st.floats(-40, 125), st.floats(0, 64)), max_size=200)
)
def test_whatever_is_told_the_model_stays_within_its_limits(
    told: list[tuple[float, float, float]],
) -> None:
    fit = Fit()
    for at, celsius, load in told:
        fit.observe(at, celsius, load)
    thermal = fit.thermal
    assert 0.5 <= thermal.rise_k <= 60
    assert thermal.tau_s * 1.001 >= 20
    assert thermal.tau_s <= 1500 * 1.001
    assert -1e6 < thermal.rest_c < 1e6
