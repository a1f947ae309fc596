from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.backends.utterance import is_speechless, padded, windows
from tests.recordings import clip, placed


def noise(seconds: float, level: float) -> Samples:
    rng = np.random.default_rng(0)
    return rng.normal(0, level, int(seconds * EARS_RATE)).astype(np.float32)


def pink(seconds: float) -> Samples:
    spectrum = np.fft.rfft(noise(seconds, 0.1))
    spectrum /= np.sqrt(np.maximum(1, np.arange(len(spectrum))))
    return np.asarray(np.fft.irfft(spectrum), np.float32)


@pytest.mark.parametrize("name", ["which-folder", "weasels", "monkeys", "who-sent-it"])
def test_speech_is_heard_softly_and_over_noise(name: str) -> None:
    speech = clip(name)
    assert not is_speechless(speech)
    assert not is_speechless(speech / np.float32(100))
    assert not is_speechless(speech + noise(len(speech) / EARS_RATE + 1, 0.02)[: len(speech)])


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(0, np.float32),
        np.zeros(EARS_RATE, np.float32),
        np.ones(EARS_RATE, np.float32),
        noise(0.2, 0.1),
        noise(10, 0.1),
        pink(3),
        clip("weasels") / np.float32(10_000),
        clip("weasels")[EARS_RATE:][:1500],
    ],
    ids=[
        "nothing",
        "silence",
        "constant",
        "short noise",
        "noise",
        "pink",
        "inaudible",
        "too short",
    ],
)
def test_sound_without_words_is_known(sound: Samples) -> None:
    assert is_speechless(sound)


@given(seconds=st.floats(0, 40), longest_s=st.floats(1, 15))
def test_pieces_are_short_and_make_the_whole(seconds: float, longest_s: float) -> None:
    whole = noise(seconds, 0.1)
    pieces = list(windows(whole, longest_s))
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    lengths = [len(piece) / EARS_RATE for piece in pieces]
    assert max(lengths) <= longest_s
    assert all(length >= longest_s / 2 - 0.01 for length in lengths[:-1])


def test_a_cut_goes_through_the_middle_of_a_pause() -> None:
    speech = placed((0.0, clip("weasels")), (3.6, clip("monkeys")), total_s=7.0)
    first, *_ = windows(speech + noise(7, 1e-4), 5.0)
    assert 2.95 < len(first) / EARS_RATE < 3.75


def test_padding_is_silence_on_both_sides() -> None:
    speech = clip("weasels")
    around = padded(speech, 0.1, 0.2)
    np.testing.assert_array_equal(around[1600:-3200], speech)
    assert not around[:1600].any()
    assert not around[-3200:].any()
