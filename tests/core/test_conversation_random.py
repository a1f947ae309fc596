"""Talks that nobody thought of: random scripts in virtual time."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from edgevoice.core.commands import EndSession
from edgevoice.core.speculation import Speculation
from edgevoice.core.turn_taking import TurnTaking
from tests.sim import Pace, Simulation

TEXTS = st.sampled_from(["", "Mhm.", "Stop!", "In Paris?", "I would like to go to the", "Why?"])
SECONDS = st.integers(0, 40).map(lambda n: n * 0.05)
PROBABILITIES = st.sampled_from([0.0, 0.5, 0.97])

PACES = st.builds(
    Pace,
    onset_s=st.sampled_from([0.0, 0.1]),
    offset_s=st.sampled_from([0.0, 0.1]),
    stt_s=st.sampled_from([0.01, 0.1, 0.8, 3.0]),
    turn_s=st.sampled_from([0.01, 0.1, 0.8, 3.0]),
    llm_s=st.sampled_from([0.01, 0.2, 2.0]),
    clause_s=st.sampled_from([0.01, 0.5]),
    tts_s=st.sampled_from([0.01, 0.2, 2.0]),
)
REPLIES = st.lists(
    st.lists(st.sampled_from(["One.", "One two three."]), max_size=3), min_size=1, max_size=3
)
SPEECHES = st.lists(st.tuples(SECONDS, SECONDS, TEXTS, PROBABILITIES), min_size=1, max_size=6)
FAULTS = st.lists(
    st.tuples(st.sampled_from(["stt", "turn", "llm", "tts"]), st.integers(1, 4), st.booleans()),
    max_size=2,
)


@settings(max_examples=400, deadline=None)
@given(
    level=st.sampled_from(["off", "prefill", "draft"]),
    pace=PACES,
    replies=REPLIES,
    speeches=SPEECHES,
    faults=FAULTS,
    typed=st.lists(SECONDS.map(lambda s: 4 * s), max_size=2),
    ends=st.none() | SECONDS.map(lambda s: 5 * s),
    timers_first=st.booleans(),
)
def test_no_talk_gets_stuck_or_remembers_what_was_not_heard(
    level: Speculation,
    pace: Pace,
    replies: Sequence[Sequence[str]],
    speeches: Sequence[tuple[float, float, str, float]],
    faults: Sequence[tuple[str, int, bool]],
    typed: Sequence[float],
    ends: float | None,
    timers_first: bool,
) -> None:
    sim = Simulation(
        replies,
        speculation=level,
        pace=pace,
        timers_first=timers_first,
        rules=TurnTaking(longest_utterance_s=3.0),
    )
    for stage, job, hangs in faults:
        (sim.hangs if hangs else sim.breaks)(stage, job=job)
    at = 0.0
    for gap, length, text, probability in speeches:
        since = at + gap + 0.11  # more than the ears need to notice an end
        at = since + length + 0.11
        sim.user_speaks(since, at, text, probability=probability)
    for instant in typed:
        sim.user_types(instant, f"typed at {instant}")
    if ends is not None:
        sim.input_ends(ends)
    sim.run()
    assert len(sim.when(EndSession)) == (ends is not None)
