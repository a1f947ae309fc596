"""The child's side of hearing a voice: speech-to-text hears what was spoken, in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgevoice.backends import engines
from edgevoice.runtime.bundles import manifest
from edgevoice_quantize import child
from edgevoice_quantize.hearing import heard


def hear(job: dict[str, Any]) -> dict[str, Any]:
    """Return the words of the sounds in the folder ``job["sounds"]``."""
    ear = engines.load(manifest.read(Path(job["ear"])), threads=1)
    files = sorted(Path(job["sounds"]).iterdir())
    return {"texts": [heard(ear, np.load(file), job["rate"]) for file in files]}


if __name__ == "__main__":
    child.answer(hear)
