"""The distance of two sounds, on sounds whose distance is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edgevoice_quantize import mel_cepstrum
from edgevoice_quantize.mel_cepstrum import (
    BANDS,
    COEFFICIENTS,
    DECIBELS,
    compare,
    distance,
    mel_cepstra,
)

RATE = 22050
Sound = NDArray[np.float64]


def noise(seconds: float, seed: int = 0) -> Sound:
    return np.random.default_rng(seed).standard_normal(int(seconds * RATE)) * 0.1


def glide(seconds: float) -> Sound:
    """Return a buzz whose pitch and colour change, so that each moment is unlike the others."""
    t = np.arange(int(seconds * RATE)) / RATE / seconds
    phase = 2 * np.pi * np.cumsum(100 + 60 * t) / RATE
    order = np.arange(1, 40)[:, None]
    buzz: Sound = 0.1 * (np.sin(order * phase) / order ** (1 + 2 * t)).sum(axis=0)
    return buzz


def test_a_sound_is_no_distance_from_itself() -> None:
    same = compare(glide(1.0), glide(1.0), RATE)
    assert same.mcd_db == pytest.approx(0.0, abs=1e-6)
    assert same.drift == 0.0


def test_loudness_does_not_count() -> None:
    assert compare(glide(1.0), 0.5 * glide(1.0), RATE).mcd_db == pytest.approx(0.0, abs=1e-6)


def test_a_ripple_of_known_height_is_its_root_mean_square() -> None:
    """A cosine of height h dB over the mel scale is h / sqrt(2) in the square mean."""
    cepstra = np.zeros((10, COEFFICIENTS))
    rippled = cepstra.copy()
    height_db = 3.0
    rippled[:, 4] = height_db * np.log(10) / 20
    assert distance(cepstra, rippled) == pytest.approx(height_db / np.sqrt(2))


def test_the_constant_is_that_of_the_source() -> None:
    one, other = np.zeros((1, COEFFICIENTS)), np.zeros((1, COEFFICIENTS))
    other[0, :2] = 3.0, 4.0
    assert distance(one, other) == pytest.approx(10 * np.sqrt(2) / np.log(10) * 5.0)
    assert pytest.approx(6.14185, abs=1e-5) == DECIBELS


def test_coefficients_are_those_of_cosines_over_the_bands() -> None:
    bands = np.cos(np.pi * 3 * (np.arange(BANDS) + 0.5) / BANDS)
    found = mel_cepstrum._cosines() @ (0.7 * bands + 5.0)
    assert found == pytest.approx([0, 0, 0.7] + [0] * (COEFFICIENTS - 3), abs=1e-9)


def test_the_filters_have_area_one_and_cover_every_band() -> None:
    filters = mel_cepstrum._mel_filters(RATE, 1024)
    assert filters.sum(axis=1) == pytest.approx(np.ones(BANDS))
    peaks = np.fft.rfftfreq(1024, 1 / RATE)[filters.argmax(axis=1)]
    assert (np.diff(peaks) >= 0).all()
    assert peaks[-1] > 0.45 * RATE


def test_a_slower_sound_is_longer_but_hardly_apart() -> None:
    slow = compare(glide(1.0), glide(1.3), RATE)
    assert slow.drift == pytest.approx(0.3, abs=0.01)
    backwards = compare(glide(1.0), glide(1.0)[::-1], RATE)
    assert slow.mcd_db < backwards.mcd_db / 3


def test_more_noise_is_further_away() -> None:
    clean = glide(1.0)
    far = [compare(clean, clean + level * noise(1.0), RATE).mcd_db for level in (1e-3, 1e-2, 0.1)]
    assert far == sorted(far)
    assert far[0] > 0


def test_what_nobody_hears_does_not_count() -> None:
    """Pauses of a synthetic voice hold next to nothing, whose logarithm could be anything."""
    pause = np.zeros(RATE // 2)
    clean = np.concatenate([glide(0.5), pause])
    hiss = np.concatenate([glide(0.5), pause + 1e-7 * noise(0.5)])
    assert compare(clean, hiss, RATE).mcd_db == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("bad", [np.zeros(100), np.full(RATE, np.nan)], ids=["short", "nan"])
def test_what_is_no_sound_is_refused(bad: Sound) -> None:
    with pytest.raises(ValueError, match=r"shorter|not a number"):
        mel_cepstra(bad, RATE)
