"""Recorded speech for tests, and files made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.runtime.wav import WavWriter, read_wav

DATA = Path(__file__).parent / "data"


def clip(name: str) -> Samples:
    """A recording of ``tests/data``, 16 kHz."""
    samples, rate = read_wav(DATA / f"{name}.wav")
    assert rate == EARS_RATE
    return samples


def placed(*clips: tuple[float, Samples], total_s: float) -> Samples:
    """A recording of ``total_s`` with each clip at its time in seconds."""
    samples = np.zeros(round(total_s * EARS_RATE), np.float32)
    for at, speech in clips:
        start = round(at * EARS_RATE)
        samples[start : start + len(speech)] += speech
    return samples


def save(samples: Samples, path: Path, rate: int = EARS_RATE) -> Path:
    """Write ``samples`` as a WAV file."""
    with WavWriter(path, rate) as writer:
        writer.write(samples)
    return path
