"""How speech-to-text hears a voice: at its own rate, in a room that is quiet before and after."""

from __future__ import annotations

import numpy as np
import soxr

from edgevoice.backends.protocols import EARS_RATE, Samples, Stt
from edgevoice.cancel import CancelScope

ROOM = np.zeros(EARS_RATE // 10, np.float32)
"""Silence around what the ear hears, as there is in a recording."""


def heard(ear: Stt, audio: Samples, rate: int) -> str:
    """Return the words that ``ear`` hears in ``audio`` at ``rate`` Hz."""
    at_ear = soxr.resample(audio, rate, EARS_RATE).astype(np.float32)
    return ear.transcribe(np.concatenate([ROOM, at_ear, ROOM]), CancelScope())
