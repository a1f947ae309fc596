"""The child's side of measuring speech-to-text: hears all clips in the real engine, in order."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from edgevoice.backends import engines
from edgevoice.cancel import CancelScope
from edgevoice.runtime.bundles import manifest
from edgevoice_quantize import child

AGAIN = 4
"""Each so many-th clip is heard twice, for the noise of a repeat."""


def hear(job: dict[str, Any]) -> dict[str, Any]:
    """Return the texts of the clips in the file ``job["clips"]``, and the CPU time each took."""
    with np.load(Path(job["clips"])) as stored:
        clips = [stored[name] for name in stored.files]
    model = engines.load(manifest.read(Path(job["bundle"])), threads=1)
    model.transcribe(clips[0], CancelScope())  # what is done once is done then
    texts, seconds = zip(*(_heard(model, clip) for clip in clips), strict=True)
    again, seconds_again = zip(*(_heard(model, clip) for clip in clips[::AGAIN]), strict=True)
    return {
        "texts": texts,
        "seconds": sum(seconds),
        "noise_s": abs(sum(seconds_again) - sum(seconds[::AGAIN])) * len(clips) / len(again),
        "texts_changed": sum(a != b for a, b in zip(again, texts[::AGAIN], strict=True)),
    }


def _heard(model: Any, clip: Any) -> tuple[str, float]:
    started = time.process_time()
    text = model.transcribe(clip, CancelScope())
    return text, time.process_time() - started


if __name__ == "__main__":
    child.answer(hear)
