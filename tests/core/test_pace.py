"""Speeds, as they are learned from turns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.core.pace import LEAST, Pace
from edgevoice.core.rung import Speed

KNOWN = {
    "large": Speed(read_tps=40, write_tps=10, threads=4),
    "small": Speed(read_tps=300, write_tps=60, threads=4),
    "ears": Speed(rtf=0.1),
}


def test_what_slows_one_model_slows_all() -> None:
    pace = Pace(KNOWN)
    for _ in range(20):
        pace.learn({"small": Speed(write_tps=30, threads=4), "ears": Speed(rtf=0.2)})
    assert pace.present == pytest.approx(0.5, abs=0.01)
    assert pace.speeds["large"].write_tps == pytest.approx(5, abs=0.1)
    assert pace.speeds["ears"].rtf == pytest.approx(0.2, abs=0.01)


def test_and_back() -> None:
    pace = Pace(KNOWN)
    for write_tps in (*[30.0] * 20, *[60.0] * 20):
        pace.learn({"small": Speed(write_tps=write_tps, threads=4)})
    assert pace.speeds["large"].write_tps == pytest.approx(10, abs=0.1)


def test_fewer_threads_are_not_held_for_slowness() -> None:
    pace = Pace(KNOWN)
    pace.learn({"large": KNOWN["large"].on(1)})
    assert pace.present == pytest.approx(1.0)


def test_a_granted_share_is_not_held_for_slowness() -> None:
    pace = Pace(KNOWN)
    pace.learn({"small": Speed(write_tps=15, threads=4)}, share=0.25)
    assert pace.present == pytest.approx(1.0)


def test_a_model_that_was_never_measured_is_learned_at_full_pace() -> None:
    pace = Pace(KNOWN)
    for _ in range(20):
        pace.learn({"small": Speed(write_tps=30, threads=4)})
    pace.learn({"voice": Speed(rtf=0.4)})
    assert pace.speeds["voice"].rtf == pytest.approx(0.4, abs=0.01)
    for _ in range(20):
        pace.learn({"small": Speed(write_tps=60, threads=4)})
    assert pace.speeds["voice"].rtf == pytest.approx(0.2, abs=0.01)


def test_an_llm_that_only_wrote_is_known_to_read_as_well() -> None:
    pace = Pace({})
    pace.learn({"large": Speed(write_tps=10)})
    assert pace.speeds["large"].read_tps > 10


def test_a_guess_gives_way_to_a_measurement() -> None:
    pace = Pace({"voice": Speed(rtf=0.1, assumed=True)})
    pace.learn({"voice": Speed(rtf=0.3)})
    assert pace.speeds["voice"] == Speed(rtf=0.3)


MEASURED = st.dictionaries(
    st.sampled_from(["large", "small", "ears", "new"]),
    st.builds(
        Speed,
        write_tps=st.floats(0, 1e4),
        read_tps=st.floats(0, 1e4),
        rtf=st.floats(0, 1e3),
        threads=st.integers(1, 8),
    ),
)


@given(st.lists(MEASURED, max_size=30), st.floats(0.01, 1))
def test_whatever_is_measured_the_pace_stays_sane(
    turns: list[dict[str, Speed]], share: float
) -> None:
    pace = Pace(KNOWN)
    for measured in turns:
        pace.learn(measured, share)
    assert LEAST <= pace.present <= 1
    assert all(speed.write_tps >= 0 and speed.rtf >= 0 for speed in pace.speeds.values())
