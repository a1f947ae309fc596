"""Resampling for ears that must not wait."""

from __future__ import annotations

import numpy as np
import soxr

from edgevoice.backends.protocols import EARS_RATE, Samples

TAPS = 97
"""Length of the low-pass filter: at 48 kHz 2 ms, of which half is delay."""

CUTOFF_HZ = 7_400
"""What is above would fold back into the ears' 8 kHz."""


class EarsResampler:
    """Turns a stream at ``rate`` Hz into one at 16 kHz, about a millisecond late.

    soxr's own filters of good quality hold back some 37 ms of a stream. Its quick
    interpolation holds back nothing, behind a short filter of our own.
    """

    def __init__(self, rate: int) -> None:
        self._filter = _low_pass(rate) if rate > EARS_RATE else np.ones(1, np.float32)
        self._past = np.zeros(len(self._filter) - 1, np.float32)
        self._stream = soxr.ResampleStream(rate, EARS_RATE, 1, dtype="float32", quality="QQ")

    def resample(self, samples: Samples) -> Samples:
        """Return the next ``samples``, shape (n,), at 16 kHz."""
        if not len(samples):
            return samples
        joined = np.concatenate([self._past, samples])
        self._past = joined[len(samples) :]
        filtered = np.convolve(joined, self._filter, "valid").astype(np.float32)
        resampled: Samples = self._stream.resample_chunk(filtered)
        return resampled


def _low_pass(rate: int) -> Samples:
    """Return a windowed sinc (Hamming) of ``TAPS`` taps that passes up to ``CUTOFF_HZ``."""
    at = np.arange(TAPS) - (TAPS - 1) / 2
    taps: Samples = (np.sinc(2 * CUTOFF_HZ / rate * at) * np.hamming(TAPS)).astype(np.float32)
    taps /= taps.sum()
    return taps
