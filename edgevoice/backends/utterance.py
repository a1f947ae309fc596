"""What every speech-to-text does with an utterance before its model hears it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgevoice.backends.protocols import EARS_RATE, Samples

FRAME_SAMPLES = 320
"""20 ms: level is looked at in steps shorter than a syllable."""

SHORTEST_S = 0.1
"""No word is shorter, and native front ends fail on less."""

SILENCE_DB = -60.0
"""Of full scale: 40 to 50 dB under the recordings that people make of themselves."""

STEADY_DB = 2.0
"""Levels of noise and hum stay within it; those of speech spread wider, also 5 dB over a noise."""

TOKENS_PER_S, TOKENS_AT_LEAST = 8, 8
"""Nobody says more, in the word pieces of Whisper's and Moonshine's vocabularies."""

PAUSE_FRAMES = 10
"""A cut goes through the middle of the quietest 200 ms."""


def is_speechless(utterance: Samples) -> bool:
    """Return whether 16 kHz ``utterance`` is too short, too soft or too steady to hold words.

    Models trained on speech alone write words for silence and noise, too.
    """
    if len(utterance) < SHORTEST_S * EARS_RATE:
        return True
    if np.percentile(_levels(utterance), 95) < SILENCE_DB:
        return True
    # The difference takes away the rumble that makes the level of a steady noise wander.
    low, high = np.percentile(_levels(np.diff(utterance)), (5, 95))
    return bool(high - low < STEADY_DB)


def windows(utterance: Samples, longest_s: float) -> Iterator[Samples]:
    """Yield 16 kHz ``utterance`` in pieces of at most ``longest_s``, cut where it is quietest.

    Each cut lies in the second half of what one piece may hold, so that no piece is short
    but the last.
    """
    longest = int(longest_s * EARS_RATE)
    while len(utterance) > longest:
        half = longest // 2
        cut = half + _quietest(utterance[half:longest])
        yield utterance[:cut]
        utterance = utterance[cut:]
    yield utterance


def most_tokens(samples: Samples) -> int:
    """Return how many tokens 16 kHz ``samples`` may hold: a longer text repeats itself."""
    return int(TOKENS_AT_LEAST + TOKENS_PER_S * len(samples) / EARS_RATE)


def padded(samples: Samples, before_s: float, after_s: float) -> Samples:
    """Return 16 kHz ``samples`` with silence around them."""
    return np.pad(samples, (int(before_s * EARS_RATE), int(after_s * EARS_RATE)))


def _quietest(samples: Samples) -> int:
    """Return the middle of the quietest pause in ``samples``."""
    power = np.power(10, _levels(samples) / 10)
    pauses = np.convolve(power, np.ones(PAUSE_FRAMES), "valid")
    return (int(pauses.argmin()) + PAUSE_FRAMES // 2) * FRAME_SAMPLES


def _levels(samples: Samples) -> NDArray[np.float64]:
    """Return the level of each frame in dB of full scale."""
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    return np.asarray(10 * np.log10(power + 1e-12))
