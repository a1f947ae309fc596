"""Whisper's log-mel spectrogram: what Whisper and Smart Turn hear instead of samples.

25 ms Hann windows every 10 ms, triangular filters on Slaney's mel scale with Slaney's area
normalization, as in OpenAI's ``whisper/audio.py`` and in ``WhisperFeatureExtractor``.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edgevoice.backends.protocols import EARS_RATE, Samples

FFT_SAMPLES = 400
HOP_SAMPLES = 160
"""A frame every 10 ms; this many samples make one."""

POWER_FLOOR = 1e-10
DYNAMIC_RANGE = 8.0
"""In powers of ten below the loudest band: what is softer is cut off."""

LINEAR_HZ_PER_MEL = 200 / 3
LOG_FROM_HZ = 1000.0
MELS_PER_LOG_HZ = 27 / np.log(6.4)
"""Slaney's scale: linear up to 1 kHz (mel 15), then 27 mels for each factor of 6.4."""

_WINDOW = np.hanning(FFT_SAMPLES + 1)[:-1].astype(np.float32)


def log_mel(samples: Samples, bands: int = 80) -> NDArray[np.float32]:
    """Return the spectrogram of 16 kHz ``samples``, shape ``(bands, len(samples) // 160)``.

    At least 201 samples. Values lie around -1 to 1, in a range of 2 below the loudest.
    """
    edge = FFT_SAMPLES // 2
    padded = np.pad(samples.astype(np.float32, copy=False), edge, mode="reflect")
    frames = len(samples) // HOP_SAMPLES
    windows = sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES][:frames]
    spectrum = np.fft.rfft(windows * _WINDOW)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    loudness = np.log10(np.maximum(_filters(bands) @ power.T, POWER_FLOOR))
    loudness = np.maximum(loudness, loudness.max() - DYNAMIC_RANGE)
    return np.ascontiguousarray((loudness + 4) / 4, dtype=np.float32)


@cache
def _filters(bands: int) -> NDArray[np.float32]:
    """Return the triangular filters, shape ``(bands, 201)``, each of unit area in Hz."""
    nyquist = EARS_RATE / 2
    bins = np.linspace(0, nyquist, FFT_SAMPLES // 2 + 1)
    corners = _hertz(np.linspace(0, _mel(nyquist), bands + 2))
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    triangles = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return np.ascontiguousarray(triangles, dtype=np.float32)


def _mel(hertz: float) -> float:
    """Return the mel of a frequency of at least 1 kHz."""
    return float(LOG_FROM_HZ / LINEAR_HZ_PER_MEL + np.log(hertz / LOG_FROM_HZ) * MELS_PER_LOG_HZ)


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    above = mels - LOG_FROM_HZ / LINEAR_HZ_PER_MEL
    return np.where(
        above < 0, mels * LINEAR_HZ_PER_MEL, LOG_FROM_HZ * np.exp(above / MELS_PER_LOG_HZ)
    )
