"""Which models run, on what device, and why."""

from dataclasses import replace
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.core.bundle import Role
from edgevoice.core.device import Device
from edgevoice.core.plan import plan, survey
from edgevoice.core.plan_types import (
    NO_SPECULATION,
    NO_TURN_END,
    SHORT_CONTEXT,
    Limits,
    Plan,
)
from edgevoice.core.plans import GROW_MARGIN, REREAD, STAY_MARGIN, STEP, headroom_mb
from edgevoice.core.rung import Need, Rungs, Speed
from tests.core.rungs import LARGE, PLAIN, RUNGS, SHARP, SMALL, SPEEDS, VOICE, device

ALL_MB = 1300 + 300 + 120 + 60 + 20
"""The best of everything."""

SMALL_MB = 240 + 150 + 120 + 60 + 20


def free_for(needed_mb: float) -> float:
    """The free memory with which a 4 GB device can hold just so much."""
    return needed_mb + headroom_mb(device())


@pytest.mark.parametrize(
    ("free_mb", "llm", "context", "kv_type", "stt", "turn_end"),
    [
        (4000, "large", 2048, "f16", "sharp-ears", True),
        (free_for(ALL_MB), "large", 2048, "f16", "sharp-ears", True),
        (free_for(ALL_MB - 1), "large", 2048, "q8_0", "sharp-ears", True),
        (free_for(ALL_MB - 51), "large", 1024, "q8_0", "sharp-ears", True),
        (free_for(ALL_MB - 101), "large", 2048, "q8_0", "sharp-ears", False),
        (free_for(ALL_MB - 161), "large", 2048, "q8_0", "plain-ears", True),
        (free_for(ALL_MB - 400), "small", 2048, "f16", "sharp-ears", True),
        (free_for(SMALL_MB), "small", 2048, "f16", "plain-ears", True),
        (free_for(SMALL_MB - 61), "small", 2048, "q8_0", "plain-ears", False),
        (free_for(SMALL_MB - 100), "small", 1024, "q8_0", "plain-ears", False),
        (None, "large", 2048, "f16", "sharp-ears", True),
    ],
    ids=[
        "ample memory: the best of everything",
        "just fits beside the headroom",
        "the cache in fewer bits comes first",
        "then a shorter one",
        "then to hear the turn's end",
        "then the ears",
        "a smaller model only when nothing else is left",
        "the small ones",
        "without the turn's end",
        "with all that can be shortened",
        "memory that nobody tells",
    ],
)
def test_what_fits(
    free_mb: float | None, llm: str, context: int, kv_type: str, stt: str, turn_end: bool
) -> None:
    made = plan(device(free_mb), RUNGS, None, SPEEDS)
    assert made.bundles[Role.LLM] == llm
    assert (made.need.context_tokens, made.need.kv_type) == (context, kv_type)
    assert made.bundles[Role.STT] == stt
    assert (Role.TURN in made.rungs) is turn_end
    assert made.lacks_mb == 0


def test_the_voice_is_changed_last_of_all() -> None:
    voices = {**RUNGS, Role.TTS: [replace(VOICE, needs=(Need(900),)), replace(VOICE, bundle="b")]}
    made = plan(device(free_for(900 + SMALL_MB - 120)), voices, None, SPEEDS)
    assert made.bundles[Role.TTS] == "voice"
    assert made.bundles[Role.LLM] == "small"


def test_when_nothing_fits_it_says_how_much_is_lacking() -> None:
    least = 200 + 150 + 120 + 20
    barely = least - REREAD * 140  # and nothing is kept free any more
    tight = plan(device(barely), RUNGS, None, SPEEDS)
    assert tight.lacks_mb == 0
    assert "read from the disk again" in tight.why[0].said
    short = plan(device(barely - 30), RUNGS, None, SPEEDS)
    assert short.lacks_mb == pytest.approx(30)
    assert short.bundles[Role.LLM] == "small"
    assert short.why[0].said == f"{least} MB are needed, 30 MB are lacking"


@pytest.mark.parametrize(
    ("cores", "share", "threads", "speculation"),
    [
        (4, None, 3, "draft"),
        (2, None, 1, "draft"),
        (1, None, 1, "prefill"),
        (4, 2.0, 1, "draft"),
        (4, 1.0, 1, "prefill"),
        (4, 0.5, 1, "off"),
        (8, None, 4, "draft"),
    ],
    ids=[
        "one core is left for the voice",
        "two cores",
        "one core: no drafts beside the transcript",
        "half of four cores",
        "a quarter of four cores: speculation goes first",
        "an eighth: nothing on a guess",
        "no more than memory can feed",
    ],
)
def test_cores(cores: int, share: float | None, threads: int, speculation: str) -> None:
    small = {**RUNGS, Role.LLM: [SMALL]}
    made = plan(device(cores=cores, share=share), small, None, SPEEDS)
    assert made.threads[Role.LLM] == threads
    assert made.speculation == speculation


def test_slow_cores_leave_the_fast_ones_to_the_model() -> None:
    phone = Device(cores=8, core_mhz=(1800.0,) * 4 + (2800.0,) * 4)
    assert plan(phone, RUNGS, None, SPEEDS).threads[Role.LLM] == 4


@pytest.mark.parametrize(
    ("write_tps", "target_s", "llm"),
    [(14, 2.0, "large"), (12, 1.2, "small"), (5.5, 9.0, "large"), (4.0, 9.0, "small")],
    ids=[
        "in time",
        "the target is missed",
        "slow, but as fast as the voice",
        "the voice would stutter",
    ],
)
def test_the_speed_measured_here_decides(write_tps: float, target_s: float, llm: str) -> None:
    speeds = {**SPEEDS, "large": Speed(read_tps=60, write_tps=write_tps, threads=3)}
    made = plan(device(), RUNGS, None, speeds, Limits(target_s=target_s))
    assert made.bundles[Role.LLM] == llm
    assert made.bundles[Role.STT] == "sharp-ears"


def test_when_none_is_in_time_the_quickest_runs() -> None:
    made = plan(device(), RUNGS, None, SPEEDS, Limits(target_s=0.01))
    assert made.bundles[Role.LLM] == "small"
    assert made.bundles[Role.STT] == "plain-ears"
    assert made.speculation == "draft"


def test_an_unmeasured_model_is_reckoned_from_a_measured_one() -> None:
    speeds = {"small": Speed(read_tps=400, write_tps=80, threads=4)}
    verdicts = {v.rung.bundle: v for v in survey(device(), RUNGS, small_plan(), speeds)}
    assert verdicts["large"].assumed
    by_weight = plan(device(), {**RUNGS, Role.LLM: [LARGE]}, None, speeds)
    assert by_weight.cost.latency_s > 10 / (80 * 140 / 1100)


def small_plan(limits: Limits | None = None) -> Plan:
    return plan(device(), {**RUNGS, Role.LLM: [SMALL]}, None, SPEEDS, limits)


# Levels.


def test_each_level_costs_less_than_the_one_before() -> None:
    loads = plan(device(), RUNGS, None, SPEEDS).loads
    assert len(loads) >= 3
    assert all(after <= before * STEP for before, after in pairwise(loads))


def test_the_load_that_is_borne_decides_the_level() -> None:
    best = plan(device(), RUNGS, None, SPEEDS)
    for level, load in enumerate(best.loads):
        made = plan(device(), RUNGS, None, SPEEDS, Limits(most_load=load))
        assert made.level == level
        assert made.cost.load == load
    least = plan(device(), RUNGS, None, SPEEDS, Limits(most_load=0.0))
    assert least.level == len(best.loads) - 1
    assert least.bundles[Role.LLM] == "small"


def test_what_goes_first_and_what_goes_last() -> None:
    loads = plan(device(), RUNGS, None, SPEEDS).loads
    levels = [plan(device(), RUNGS, None, SPEEDS, Limits(most_load=load)) for load in loads]
    assert (levels[0].bundles[Role.LLM], levels[0].speculation) == ("large", "draft")
    names = [each.bundles[Role.LLM] for each in levels]
    assert names == sorted(names)  # never back to the large one
    assert (levels[-1].bundles[Role.LLM], levels[-1].speculation) == ("small", "off")
    assert levels[-1].threads[Role.LLM] < levels[0].threads[Role.LLM]


# Memory that is given back.


@pytest.mark.parametrize(
    ("stage", "speculation", "context", "turn_end"),
    [
        (0, "draft", (2048, "f16"), True),
        (NO_SPECULATION, "off", (2048, "f16"), True),
        (SHORT_CONTEXT, "off", (2048, "q8_0"), True),
        (NO_TURN_END, "off", (2048, "q8_0"), False),
    ],
)
def test_the_order_of_giving_back(
    stage: int, speculation: str, context: tuple[int, str], turn_end: bool
) -> None:
    made = small_plan(Limits(squeeze=stage))
    assert made.speculation == speculation
    assert (made.need.context_tokens, made.need.kv_type) == context
    assert (Role.TURN in made.rungs) is turn_end


def test_less_memory_than_is_free_may_be_allowed() -> None:
    made = plan(device(), RUNGS, None, SPEEDS, Limits(most_mb=700))
    assert made.bundles[Role.LLM] == "small"
    assert made.need_mb <= 700


def test_a_cap_below_the_smallest_is_no_reason_to_fall_silent() -> None:
    assert plan(device(), RUNGS, None, SPEEDS, Limits(most_mb=10)).lacks_mb == 0


def test_what_the_models_hold_counts_as_free() -> None:
    holding = device(free_for(0))
    assert plan(holding, RUNGS, None, SPEEDS, Limits(held_mb=ALL_MB)).bundles[Role.LLM] == "large"


def test_held_memory_never_makes_more_than_there_is() -> None:
    cramped = replace(device(900), memory_total_mb=1000)
    made = plan(cramped, RUNGS, None, SPEEDS, Limits(held_mb=5000))
    assert made.need_mb <= 1000


# Inertia.


def test_what_runs_is_kept_while_it_fits() -> None:
    large = plan(device(), RUNGS, None, SPEEDS)
    just = device(free_for(ALL_MB))
    assert plan(just, RUNGS, large, SPEEDS).bundles == large.bundles


def test_more_comes_only_with_memory_to_spare() -> None:
    margin = GROW_MARGIN * headroom_mb(device())
    small = small_plan()
    just = plan(device(free_for(ALL_MB + margin - 1)), RUNGS, small, SPEEDS)
    ample = plan(device(free_for(ALL_MB + margin)), RUNGS, small, SPEEDS)
    assert just.need_mb < ALL_MB
    assert ample.need_mb == ALL_MB


def test_a_model_is_kept_while_it_misses_the_target_by_little() -> None:
    large = plan(device(), RUNGS, None, SPEEDS)
    target = large.cost.latency_s / STAY_MARGIN
    kept = plan(device(), RUNGS, large, SPEEDS, Limits(target_s=target * 1.01))
    assert kept.bundles == large.bundles
    gone = plan(device(), RUNGS, large, SPEEDS, Limits(target_s=target * 0.99))
    assert gone.bundles != large.bundles
    back = plan(device(), RUNGS, gone, SPEEDS, Limits(target_s=target * 1.01))
    assert back.bundles == gone.bundles


# Reasons.


def reasons(made: Plan) -> set[tuple[str, str]]:
    return {(reason.about, reason.limit) for reason in made.why}


def test_the_best_plan_needs_no_reason() -> None:
    assert plan(device(), RUNGS, None, SPEEDS).why == ()


def test_each_thing_that_is_not_the_best_has_its_reason() -> None:
    squeezed = plan(device(free_for(600)), RUNGS, None, SPEEDS, Limits(squeeze=NO_TURN_END))
    assert reasons(squeezed) == {
        *(("llm", "memory"), ("stt", "memory"), ("turn", "memory")),
        *(("speculation", "memory"), ("context", "memory")),
    }
    late = plan(device(), RUNGS, None, SPEEDS, Limits(target_s=0.9))
    assert reasons(late) == {("llm", "latency")}
    hot = plan(device(), RUNGS, None, SPEEDS, Limits(most_load=0.3))
    assert ("llm", "heat") in reasons(hot)


def test_a_survey_judges_every_bundle() -> None:
    tight = device(free_for(700))
    made = plan(tight, RUNGS, None, SPEEDS)
    verdicts = {v.rung.bundle: v for v in survey(tight, RUNGS, made, SPEEDS)}
    assert set(verdicts) == {rung.bundle for ladder in RUNGS.values() for rung in ladder}
    assert verdicts["small"].runs
    assert verdicts["small"].need_mb == 200
    assert verdicts["large"].limit == "memory"
    assert verdicts["large"].said == "all would take 1700 MB of 700"


# What holds for every device.

SPEED = st.builds(
    Speed,
    read_tps=st.floats(1, 2000),
    write_tps=st.floats(0.5, 500),
    rtf=st.floats(0.001, 5),
    threads=st.integers(1, 8),
)

DEVICE = st.builds(
    Device,
    cores=st.integers(1, 16),
    cpu_share=st.none() | st.floats(0.01, 16),
    memory_total_mb=st.none() | st.floats(1, 64_000),
    memory_free_mb=st.none() | st.floats(0, 64_000),
)

LIMITS = st.builds(
    Limits,
    most_load=st.floats(0, 20) | st.just(inf),
    squeeze=st.integers(0, 5),
    most_mb=st.floats(0, 5000) | st.just(inf),
    held_mb=st.floats(0, 3000),
    target_s=st.floats(0.1, 20),
)


@given(DEVICE, LIMITS, st.dictionaries(st.sampled_from(sorted(SPEEDS)), SPEED))
def test_any_plan_fits_or_says_what_is_lacking(
    some: Device, limits: Limits, speeds: dict[str, Speed]
) -> None:
    made = plan(some, RUNGS, None, speeds, limits)
    assert {Role.STT, Role.LLM, Role.TTS, Role.VAD} <= set(made.rungs)
    assert 1 <= made.threads[Role.LLM] <= max(1, some.cores)
    assert made.lacks_mb >= 0
    if some.memory_free_mb is not None and not made.lacks_mb:
        reread_mb = REREAD * made.need.mapped_mb
        assert made.need_mb - reread_mb <= some.memory_free_mb + limits.held_mb
    assert made.loads[made.level] == made.cost.load


@given(DEVICE, LIMITS, st.dictionaries(st.sampled_from(sorted(SPEEDS)), SPEED))
def test_a_plan_is_kept_when_nothing_has_changed(
    some: Device, limits: Limits, speeds: dict[str, Speed]
) -> None:
    made = plan(some, RUNGS, None, speeds, limits)
    again = plan(some, RUNGS, made, speeds, limits)
    assert plan(some, RUNGS, again, speeds, limits).bundles == again.bundles


@given(st.floats(300, 6000), st.floats(0, 2000))
def test_more_memory_never_gives_less(free_mb: float, more_mb: float) -> None:
    def rank(mb: float) -> tuple[int, int]:
        made = plan(device(mb), RUNGS, None, SPEEDS)
        return (-made.bundles[Role.LLM].count("large"), -made.bundles[Role.STT].count("sharp"))

    assert rank(free_mb + more_mb) <= rank(free_mb) or rank(free_mb)[0] < rank(free_mb + more_mb)[0]


def test_a_role_with_one_bundle_is_left_as_it_is() -> None:
    only: Rungs = {Role.STT: [PLAIN], Role.LLM: [SMALL], Role.TTS: [VOICE]}
    made = plan(device(), only, None, {})
    assert made.bundles == {Role.STT: "plain-ears", Role.LLM: "small", Role.TTS: "voice"}
    assert SHARP.least_mb == 300
