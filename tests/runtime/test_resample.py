from __future__ import annotations

import numpy as np
import pytest

from edgevoice.backends.protocols import Samples
from edgevoice.runtime.resample import EarsResampler

BLOCK_S = 0.02


def tone(hertz: float, rate: int) -> Samples:
    return np.sin(2 * np.pi * hertz * np.arange(rate) / rate).astype(np.float32)


def streamed(samples: Samples, rate: int) -> Samples:
    resampler = EarsResampler(rate)
    size = round(BLOCK_S * rate)
    blocks = [samples[i : i + size] for i in range(0, len(samples), size)]
    return np.concatenate([resampler.resample(block) for block in blocks])


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("hertz", [200, 1_000, 3_000])
def test_speech_goes_through_and_nothing_is_held_back(hertz: float, rate: int) -> None:
    out = streamed(tone(hertz, rate), rate)
    assert abs(len(out) - 16_000) <= 16
    assert np.abs(out[1000:15000]).max() == pytest.approx(1.0, abs=0.06)
    spectrum = np.abs(np.fft.rfft(out[:16_000], 16_000))
    assert int(spectrum.argmax()) == pytest.approx(hertz, abs=2)


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("hertz", [9_500, 12_000, 15_000])
def test_what_the_ears_cannot_hear_does_not_fold_back(hertz: float, rate: int) -> None:
    out = streamed(tone(hertz, rate), rate)
    assert np.abs(out[1000:15000]).max() < 0.03
