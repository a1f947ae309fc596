"""The child's side of hearing a voice: speech-to-text hears what was spoken, in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soxr

from edgevoice.backends import engines
from edgevoice.backends.protocols import EARS_RATE
from edgevoice.cancel import CancelScope
from edgevoice.runtime.bundles import manifest
from edgevoice_quantize import child

ROOM = np.zeros(EARS_RATE // 10, np.float32)
"""Silence around what the ear hears, as there is in a recording."""


def hear(job: dict[str, Any]) -> dict[str, Any]:
    """Return the words of the sounds in the folder ``job["sounds"]``."""
    ear = engines.load(manifest.read(Path(job["ear"])), threads=1)
    texts = []
    for file in sorted(Path(job["sounds"]).iterdir()):
        at_ear = soxr.resample(np.load(file), job["rate"], EARS_RATE).astype(np.float32)
        texts.append(ear.transcribe(np.concatenate([ROOM, at_ear, ROOM]), CancelScope()))
    return {"texts": texts}


if __name__ == "__main__":
    child.answer(hear)
