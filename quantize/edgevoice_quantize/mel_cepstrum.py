"""How far apart two voices sound: mel-cepstral distance along the best alignment in time.

R. Kubichek, "Mel-cepstral distance measure for objective speech quality assessment", Proc. IEEE
Pacific Rim Conference on Communications, Computers and Signal Processing, 1993, pp. 125-128:

    MCD = 10 / ln 10 * sqrt(2 * sum over d of (c_d - c'_d)^2)   dB

with c the mel cepstrum of the logarithmic amplitude. As its coefficients are written here, the
distance is the root mean square difference in dB between two spectra smoothed on the mel scale;
c_0, the level, does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from edgevoice_quantize.time_warping import cheapest_path

Cepstra = NDArray[np.float64]

DECIBELS = 10 * np.sqrt(2) / np.log(10)

COEFFICIENTS = 13
"""c_1 to c_13, those that Kubichek's measure and most reports since count."""

BANDS = 80
WINDOW_S = 0.025
HOP_S = 0.005
"""The step of the STRAIGHT and WORLD analyses that most reports rest on."""

AUDIBLE_DB = 80.0
"""Bands this far below the loudest of the utterance are held to be as quiet as that: what lies
there, in pauses of a synthetic voice, nobody hears, and its logarithm could be anything."""


@dataclass(frozen=True, slots=True)
class Distance:
    """Between two utterances. ``drift`` is by how much the second is longer, as a share."""

    mcd_db: float
    drift: float


def compare(wanted: NDArray[np.floating], given: NDArray[np.floating], rate: int) -> Distance:
    """Return how far ``given`` is from ``wanted``; both mono at ``rate`` Hz.

    Raises:
        ValueError: one of them is shorter than a window of 25 ms, or is not finite.

    """
    mcd_db = distance(mel_cepstra(wanted, rate), mel_cepstra(given, rate))
    return Distance(mcd_db, len(given) / len(wanted) - 1.0)


def distance(wanted: Cepstra, given: Cepstra) -> float:
    """Return the mean distance in dB along the best alignment of two ``mel_cepstra``."""
    norms = (wanted**2).sum(axis=1)[:, None] + (given**2).sum(axis=1)
    apart = DECIBELS * np.sqrt(np.maximum(norms - 2 * wanted @ given.T, 0.0))
    path = cheapest_path(apart)
    return float(apart[path[:, 0], path[:, 1]].mean())


def mel_cepstra(sound: NDArray[np.floating], rate: int) -> Cepstra:
    """Return the coefficients c_1 to c_13 of ``sound``, a row for each 5 ms.

    Raises:
        ValueError: the sound is shorter than a window, or is not finite.

    """
    width, hop = round(WINDOW_S * rate), round(HOP_S * rate)
    if len(sound) < width:
        raise ValueError(f"{len(sound)} samples are shorter than a window of {width}")
    if not np.isfinite(sound).all():
        raise ValueError("the sound is not a number")
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), width)[::hop]
    size = 1 << (width - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(width), size))
    bands = np.sqrt(spectrum**2 @ _mel_filters(rate, size).T)
    floor = max(bands.max() * 10 ** (-AUDIBLE_DB / 20), np.finfo(np.float32).tiny)
    cepstra: Cepstra = np.log(np.maximum(bands, floor)) @ _cosines().T
    return cepstra


@cache
def _mel_filters(rate: int, size: int) -> NDArray[np.float64]:
    """Return triangles of area one, evenly spaced in mel (2595 log10(1 + f/700)) up to rate/2."""
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(size, 1 / rate)
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (peak - low), (high - bins) / (high - peak)
    triangles = np.maximum(np.minimum(rising, falling), 0.0)
    sums = triangles.sum(axis=1, keepdims=True)
    # The lowest bands are narrower than a bin of the transform: each takes the nearest.
    nearest = np.abs(bins - peak).argmin(axis=1)[:, None] == np.arange(len(bins))
    filters: NDArray[np.float64] = np.where(sums > 0, triangles, nearest) / np.where(
        sums > 0, sums, 1.0
    )
    return filters


@cache
def _cosines() -> NDArray[np.float64]:
    """Return what turns log amplitudes into the factors c_d of cos(pi d (n + 1/2) / BANDS)."""
    order = np.arange(1, COEFFICIENTS + 1)[:, None]
    turned: NDArray[np.float64] = np.cos(np.pi * order * (np.arange(BANDS) + 0.5) / BANDS)
    return 2 / BANDS * turned
