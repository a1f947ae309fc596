"""Frames as letters: S for speech, n for noise between the two thresholds, . for silence.

w and f are what the VAD hardly calls speech any more, as loud as before and 20 dB down; q is
speech as quiet as that.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.core.events import SpeechEnded, SpeechStarted
from edgevoice.core.speech_detector import SpeechDetector

PROBABILITY = {"S": 0.9, "n": 0.4, ".": 0.1, "w": 0.6, "f": 0.6, "q": 0.9}
LEVEL_DB = {"f": -40.0, "q": -40.0}
LOUD_DB = -20.0
FRAME_S = 1.0
LAG_S = 0.25
"""From the end of a frame until it is processed."""


def hear(
    frames: str, *, threshold: float = 0.5, probabilities: dict[str, float] | None = None
) -> list[SpeechStarted | SpeechEnded]:
    detector = SpeechDetector(FRAME_S, threshold, start_frames=3, end_frames=3)
    events = []
    for number, frame in enumerate(frames, start=1):
        end = number * FRAME_S
        probability = (probabilities or PROBABILITY)[frame]
        event = detector.step(probability, LEVEL_DB.get(frame, LOUD_DB), end, end + LAG_S)
        if event:
            events.append(event)
    return events


def spans(frames: str) -> list[float]:
    """When speech began and ended, in turn, in frames."""
    return [e.since if isinstance(e, SpeechStarted) else e.until for e in hear(frames)]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ("", []),
        ("..........", []),
        ("....SSS...", [4, 7]),
        ("....SS....", []),
        ("S.S.S.S.S.", []),
        ("..S.SS....", [2, 6]),
        ("..SS.S....", [2, 6]),
        ("..S..SSS...", [5, 8]),
        ("nnnnnn", []),
        ("SSSSSSSSSS", [0]),
        ("SSS..SSS..S...", [0, 11]),
        ("SSSnnnnnn", [0]),
        ("SSSnn.n.n...", [0, 9]),
        ("SSS...SSS...", [0, 3, 6, 9]),
        ("SSS.....SSS", [0, 3, 8]),
        ("SSS...SS.", [0, 3, 6]),
        ("SSS............SS.", [0, 3]),
        ("SSSf", [0, 3]),
        ("SSSwwww", [0]),
        ("SSSqqqq", [0]),
        ("SSSqqqqqqf", [0]),
        ("SSSfS", [0, 3, 4]),
        ("SSSfnn", [0, 3]),
    ],
    ids=[
        "nothing",
        "silence",
        "a word",
        "a click of two frames",
        "clicks",
        "one weak frame at the start",
        "one weak frame in the start",
        "a click, then a word",
        "noise does not begin speech",
        "speech begins with its first frame",
        "short gaps inside a sentence",
        "noise does not end speech",
        "only silence without a break ends it",
        "two words with a pause",
        "a longer pause",
        "a click soon after a word",
        "a click long after a word",
        "the voice falls away",
        "the VAD alone is in doubt",
        "the voice falls away, the VAD is sure of speech",
        "it did long before the VAD is in doubt",
        "it comes back at once",
        "what ended it does not begin it again",
    ],
)
def test_where_speech_begins_and_ends(frames: str, expected: list[float]) -> None:
    assert spans(frames) == expected


def test_when_it_is_known() -> None:
    start, end = hear("..SSS...")
    assert start == SpeechStarted(at=5 + LAG_S, since=2)
    assert end == SpeechEnded(at=8 + LAG_S, until=5)


def test_a_probability_at_the_threshold_is_speech() -> None:
    assert len(hear("SSS", probabilities={"S": 0.5})) == 1
    assert len(hear("SSS", probabilities={"S": 0.499})) == 0


@pytest.mark.parametrize("threshold", [0.05, 0.1, 0.15, 0.5, 0.95])
def test_speech_can_end_at_any_threshold(threshold: float) -> None:
    assert len(hear("SSS...", threshold=threshold, probabilities={"S": 1.0, ".": 0.0})) == 2


def test_speaking_tells_whether_somebody_speaks() -> None:
    detector = SpeechDetector(FRAME_S, start_frames=3, end_frames=3)
    told = []
    for number, frame in enumerate(".SSSS...."):
        detector.step(PROBABILITY[frame], LOUD_DB, number, number)
        told.append(detector.speaking)
    assert told == [False, False, False, True, True, True, True, False, False]


@given(st.text(alphabet="Sn.wfq", max_size=200))
def test_beginnings_and_ends_take_turns_and_go_forward(frames: str) -> None:
    events = hear(frames)
    assert [type(e) for e in events] == [SpeechStarted, SpeechEnded] * (len(events) // 2) + [
        SpeechStarted
    ] * (len(events) % 2)
    assert all(a < b for a, b in pairwise(spans(frames)))
    assert all(a.at < b.at for a, b in pairwise(events))
