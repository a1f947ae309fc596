"""What the test set adds to recordings: drawn-out sounds, noises of a room, its echo.

Everything is 16 kHz, and follows from the generator that is passed in.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgevoice.backends.protocols import EARS_RATE, Samples

WINDOW = 480
"""30 ms, the usual window of overlap-add: two periods of the deepest voice."""

REACH = 160
"""How far a window is moved so that it goes on in phase with what went before."""

DECAY_S = 0.25
"""Time in which the room's echo falls by 60 dB: a furnished living room."""


def silence(seconds: float) -> Samples:
    """Return digital silence."""
    return np.zeros(round(seconds * EARS_RATE), np.float32)


def at_db(samples: Samples, level: float) -> Samples:
    """Return ``samples`` with a mean power of ``level`` dB of full scale."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return samples * np.float32(10 ** (level / 20) / np.sqrt(power + 1e-20))


def mixed(base: Samples, sound: Samples, at_s: float) -> Samples:
    """Return ``base`` with ``sound`` in it from ``at_s`` on; what goes beyond the end is cut."""
    out = base.copy()
    start = round(at_s * EARS_RATE)
    part = sound[: len(out) - start]
    out[start : start + len(part)] += part
    return out


def faded(samples: Samples, in_s: float, out_s: float) -> Samples:
    """Return ``samples`` with its beginning and its end faded."""
    out = samples.copy()
    head, tail = round(in_s * EARS_RATE), round(out_s * EARS_RATE)
    out[:head] *= np.linspace(0, 1, head, dtype=np.float32)
    out[len(out) - tail :] *= np.linspace(1, 0, tail, dtype=np.float32)
    return out


def drawn_out(samples: Samples, factor: float) -> Samples:
    """Return ``samples`` longer by ``factor`` at the same pitch (overlap-add, WSOLA)."""
    hop = WINDOW // 2
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    padded = np.pad(samples, (REACH, WINDOW + 2 * REACH))
    out = np.zeros(round(len(samples) * factor) + 2 * WINDOW, np.float32)
    follows = REACH
    for at in range(0, round(len(samples) * factor), hop):
        wanted = padded[follows : follows + WINDOW]
        near = min(REACH + round(at / factor), len(padded) - WINDOW - REACH)
        around = padded[near - REACH : near + REACH + WINDOW]
        start = near - REACH + int(np.argmax(np.correlate(around, wanted, "valid")))
        out[at : at + WINDOW] += window * padded[start : start + WINDOW]
        follows = min(start + hop, len(padded) - WINDOW)
    return out[: round(len(samples) * factor)]


def room(rng: Generator, seconds: float) -> Samples:
    """Return the noise of a quiet room: pink above 60 Hz."""
    return _coloured(rng, round(seconds * EARS_RATE), 60, 8000, 0.5)


def breath(rng: Generator) -> Samples:
    """Return a breath."""
    seconds = rng.uniform(0.25, 0.6)
    air = _coloured(rng, round(seconds * EARS_RATE), 400, 5000, 0.5)
    swell = np.sin(np.pi * np.linspace(0, 1, len(air))) ** 2
    return air * swell.astype(np.float32)


def typing(rng: Generator, seconds: float) -> Samples:
    """Return keys that are struck now and then."""
    out = silence(seconds)
    at = 0.0
    while (at := at + rng.uniform(0.08, 0.3)) < seconds - 0.05:
        click = _coloured(rng, 640, 1000, 7000, 0.0)
        decay = np.exp(-np.arange(640) / rng.uniform(30, 120)).astype(np.float32)
        out = mixed(out, click * decay * np.float32(rng.uniform(0.4, 1.0)), at)
    return out


def echo(rng: Generator, sound: Samples, level: float) -> Samples:
    """Return what a microphone hears of a loudspeaker in the room, ``level`` dB as loud."""
    response = room_response(rng)
    length = len(sound) + len(response)
    heard = np.fft.irfft(np.fft.rfft(sound, length) * np.fft.rfft(response, length), length)
    heard = heard[: len(sound)]
    loudness = np.sqrt(np.mean(np.square(sound, dtype=np.float64)) / np.mean(np.square(heard)))
    out: Samples = (heard * loudness * 10 ** (level / 20)).astype(np.float32)
    return out


def room_response(rng: Generator) -> NDArray[np.float64]:
    """Return what a microphone hears of a click of amplitude 1 from a loudspeaker in the room.

    It comes 5 to 40 ms later, and out of the room's whole decay.
    """
    delay = round(rng.uniform(0.005, 0.04) * EARS_RATE)
    decay = np.exp(-6.9 * np.arange(round(DECAY_S * EARS_RATE)) / (DECAY_S * EARS_RATE))
    response: NDArray[np.float64] = 0.1 * decay * rng.standard_normal(len(decay))
    response[0] = 1.0
    return np.concatenate([np.zeros(delay), response])


def _coloured(rng: Generator, length: int, low: float, high: float, slope: float) -> Samples:
    """Return noise of unit power between two frequencies in Hz, its power falling as f**-2slope."""
    frequency = np.fft.rfftfreq(length, 1 / EARS_RATE)
    shape: NDArray[np.float64] = np.maximum(frequency, 1.0) ** -slope
    shape[(frequency < low) | (frequency > high)] = 0
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(length)) * shape, length)
    out: Samples = (noise / np.sqrt(np.mean(np.square(noise)))).astype(np.float32)
    return out
