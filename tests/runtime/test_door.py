"""The wake word: what is heard before it is not meant for the assistant."""

from __future__ import annotations

import numpy as np
import pytest

from edgevoice.backends.protocols import Samples
from edgevoice.core.events import SpeechStarted, WakeWordHeard
from edgevoice.runtime.door import Door
from tests.runtime.fakes import HearsInOrder, assistant, run, spoken


class LoudestIsTheWord:
    """Takes whatever is louder than speech for its word."""

    phrase = "hey"

    def __init__(self) -> None:
        self.frames = 0

    def heard(self, frame: Samples) -> bool:
        self.frames += 1
        return bool(np.abs(frame).max() > 0.9)

    def reset(self) -> None:
        pass


def called_at(called: float, *spans: tuple[float, float], awake_s: float = 2.0) -> list[object]:
    """The events of a talk in which the word is said at ``called``."""
    recording = spoken(*spans, total_s=20.0)
    if called:
        recording[round(called * 16_000) : round((called + 0.03) * 16_000)] = 1.0
    talk = assistant(recording, stt=lambda: HearsInOrder("One?", "Two?", "Three?"))
    door = Door(LoudestIsTheWord(), awake_s, talk, talk.post)
    talk.ears.lets_in = door.lets_in
    events: list[object] = []
    talk.observers += [door.observe, lambda event, commands, conversation: events.append(event)]
    run(talk)
    return events


def starts(events: list[object]) -> list[float]:
    return [event.since for event in events if isinstance(event, SpeechStarted)]


def test_nothing_is_heard_without_the_word() -> None:
    assert starts(called_at(0.0, (1.0, 2.0), (5.0, 6.0))) == []


def test_what_follows_the_word_is_heard() -> None:
    events = called_at(3.0, (1.0, 2.0), (3.5, 4.5))
    assert starts(events) == [pytest.approx(3.5, abs=0.05)]
    assert len([event for event in events if isinstance(event, WakeWordHeard)]) == 1


def test_a_call_without_a_question_is_forgotten() -> None:
    assert starts(called_at(3.0, (6.0, 7.0))) == []


def test_after_a_turn_one_may_go_on_without_the_word_but_not_for_long() -> None:
    events = called_at(1.0, (1.5, 2.5), (4.5, 5.5), (12.0, 13.0))
    assert [round(at) for at in starts(events)] == [2, 4]
