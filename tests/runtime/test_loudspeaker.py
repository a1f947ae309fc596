from __future__ import annotations

import numpy as np
import pytest

from edgevoice.backends.protocols import Samples
from edgevoice.core.events import ClauseHeard, Event, VoiceStarted, WordsHeard
from edgevoice.core.word_timing import heard_words
from edgevoice.runtime.loudspeaker import FADE_S, Loudspeaker

RATE = 1_000
BLOCK = 20


def loudspeaker() -> Loudspeaker:
    return Loudspeaker(RATE, heard_words)


def say(speaker: Loudspeaker, turn: int, clause: int, text: str, length: int) -> None:
    speaker.add(turn, clause, text, np.full(length, 0.5, np.float32))
    speaker.finish(turn, clause, text)


def play(speaker: Loudspeaker, blocks: int, start_s: float = 0.0) -> tuple[Samples, list[Event]]:
    """What is heard, and told, in the next blocks."""
    heard: list[Samples] = []
    told: list[Event] = []
    for i in range(blocks):
        out = np.ones(BLOCK, np.float32)
        at = start_s + i * BLOCK / RATE
        speaker.fill(out, at)
        heard.append(out)
        told += speaker.facts(at + BLOCK / RATE)
    return np.concatenate(heard), told


def test_nothing_is_heard_before_the_turn_is_let_through() -> None:
    speaker = loudspeaker()
    say(speaker, 1, 0, "Hello there.", 100)
    heard, told = play(speaker, 5)
    assert not heard.any()
    assert told == []


def test_clauses_follow_one_another_without_a_gap() -> None:
    speaker = loudspeaker()
    say(speaker, 1, 0, "One.", 90)
    say(speaker, 1, 1, "Two.", 110)
    speaker.play(1)
    heard, told = play(speaker, 12)
    assert np.count_nonzero(heard[int(FADE_S * RATE) : 200]) == 195
    assert not heard[200:].any()
    assert [type(event) for event in told if not isinstance(event, WordsHeard)] == [
        VoiceStarted,
        ClauseHeard,
        ClauseHeard,
    ]


def test_a_hold_is_silence_at_once_and_a_resume_goes_on_at_the_sample() -> None:
    speaker = loudspeaker()
    ramp = np.linspace(0.1, 0.9, 200, dtype=np.float32)
    speaker.add(1, 0, "One two three four.", ramp)
    speaker.finish(1, 0, "One two three four.")
    speaker.play(1)
    before, _ = play(speaker, 4)
    speaker.hold()
    held, _ = play(speaker, 3)
    speaker.resume()
    after, _ = play(speaker, 6)
    fade = int(FADE_S * RATE)
    assert np.abs(held[fade:]).max() == 0.0
    assert before[fade:] == pytest.approx(ramp[fade:80])
    assert after[fade:120] == pytest.approx(ramp[80 + fade : 200])


def test_words_are_told_as_they_are_heard() -> None:
    speaker = loudspeaker()
    say(speaker, 1, 0, "aaaa bbbb cccc dddd", 400)
    speaker.play(1)
    _, told = play(speaker, 21)
    words = [event.words for event in told if isinstance(event, WordsHeard)]
    assert words == sorted(set(words))
    assert words[-1] in {3, 4}
    assert isinstance(told[-1], ClauseHeard)


def test_a_dropped_turn_is_not_heard_even_if_more_of_it_comes() -> None:
    speaker = loudspeaker()
    say(speaker, 1, 0, "Old.", 100)
    speaker.play(1)
    play(speaker, 1)
    speaker.drop(1)
    say(speaker, 1, 1, "Late.", 100)
    heard, told = play(speaker, 3)
    assert not heard.any()
    assert told == []


def test_the_next_turn_is_heard_after_a_late_clause_of_the_last() -> None:
    speaker = loudspeaker()
    speaker.drop(1)
    say(speaker, 1, 0, "Late.", 100)
    say(speaker, 2, 0, "New.", 100)
    speaker.play(2)
    heard, told = play(speaker, 6)
    assert np.count_nonzero(heard) > 90
    assert [event.turn for event in told if isinstance(event, ClauseHeard)] == [2]


def test_a_clause_without_sound_counts_as_heard_in_its_place() -> None:
    speaker = loudspeaker()
    speaker.finish(1, 0, "...")
    speaker.play(1)
    _, told = play(speaker, 1)
    assert [type(event) for event in told] == [ClauseHeard]


def test_silence_inside_a_clause_is_counted() -> None:
    speaker = loudspeaker()
    speaker.add(1, 0, "One two.", np.full(50, 0.5, np.float32))
    speaker.play(1)
    play(speaker, 4)
    assert speaker.gap_samples == 30
