from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgevoice.backends.mel import log_mel
from edgevoice.backends.protocols import EARS_RATE, Samples
from tests.recordings import clip


def by_definition(samples: Samples, bands: int) -> NDArray[np.float64]:
    """Whisper's features as its paper and code define them: slow, in double precision."""

    def mel(hertz: float) -> float:
        return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * np.log(hertz / 1000) / np.log(6.4)

    bins = np.arange(201) * 40.0
    wave = np.exp(-2j * np.pi * np.outer(np.arange(201), np.arange(400)) / 400)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    edged = np.concatenate([samples[200:0:-1], samples, samples[-2:-202:-1]]).astype(np.float64)
    corners = np.interp(
        np.linspace(0, mel(8000), bands + 2), [mel(f) for f in range(8001)], range(8001)
    )
    features = np.zeros((bands, len(samples) // 160))
    for frame in range(features.shape[1]):
        power = abs(wave @ (edged[frame * 160 : frame * 160 + 400] * window)) ** 2
        for band in range(bands):
            low, middle, high = corners[band : band + 3]
            triangle = np.interp(bins, [low, middle, high], [0, 2 / (high - low), 0])
            features[band, frame] = np.log10(max(triangle @ power, 1e-10))
    return np.asarray((np.maximum(features, features.max() - 8) + 4) / 4)


@pytest.mark.parametrize("bands", [80, 128])
def test_features_are_those_of_the_definition(bands: int) -> None:
    speech = clip("weasels")[8000:12000]
    np.testing.assert_allclose(log_mel(speech, bands), by_definition(speech, bands), atol=2e-3)


def test_there_is_a_frame_every_ten_milliseconds() -> None:
    features = log_mel(clip("weasels")[:EARS_RATE])
    assert features.shape == (80, 100)
    assert features.dtype == np.float32


def test_what_is_far_softer_than_the_loudest_is_cut_off() -> None:
    speech = np.concatenate([clip("weasels"), np.zeros(EARS_RATE, np.float32)])
    features = log_mel(speech)
    assert features.min() == pytest.approx(features.max() - 2)
    assert (features[:, -50:] == features.min()).all()


def test_silence_is_finite() -> None:
    assert np.isfinite(log_mel(np.zeros(EARS_RATE, np.float32))).all()
