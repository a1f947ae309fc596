"""The child's side of measuring a voice: it speaks all lines in the real engine, in order."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgevoice.backends import engines
from edgevoice.backends.protocols import Samples
from edgevoice.cancel import CancelScope
from edgevoice.runtime.bundles import manifest
from edgevoice_quantize import child

AGAIN = 4
"""Each so many-th line is spoken twice, for the noise of a repeat."""

QUIET = {"noise_scale": "0", "noise_scale_w": "0"}
"""Options of a voice that adds no noise of its own, neither to the sound nor to the lengths."""


def speak(job: dict[str, Any]) -> dict[str, Any]:
    """Write the sound of each of ``job["texts"]`` to a file, and return what they took."""
    bundle = manifest.read(Path(job["bundle"]))
    if not job["noise"]:
        bundle = replace(bundle, options={**bundle.options, **QUIET})
    voice, folder, texts = engines.load(bundle, threads=1), Path(job["sounds"]), job["texts"]
    _spoken(voice, texts[0])  # what is done once is done then
    seconds, firsts, again_s, same = [], [], 0.0, True
    for number, text in enumerate(texts):
        sound, cpu_s, first_s = _spoken(voice, text)
        np.save(folder / f"{number:05}.npy", sound)
        seconds.append(cpu_s)
        firsts.append(first_s)
        if number % AGAIN == 0:
            sound_again, cpu_s, _ = _spoken(voice, text)
            again_s += cpu_s
            same &= np.array_equal(sound, sound_again)
    once_s = sum(seconds[::AGAIN])
    return {
        "rate": voice.sample_rate,
        "seconds": sum(seconds),
        "noise_s": abs(again_s - once_s) * len(texts) / len(seconds[::AGAIN]),
        "first_s": firsts,
        "repeat_same": bool(same),
    }


def _spoken(voice: Any, text: str) -> tuple[Samples, float, float]:
    """Return the sound, the CPU time it took, and the time to the first of it."""
    started, cpu_started, first_s = time.perf_counter(), time.process_time(), 0.0
    parts = []
    for part in voice.synthesize(text, CancelScope()):
        first_s = first_s or time.perf_counter() - started
        parts.append(part)
    sound = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return sound, time.process_time() - cpu_started, first_s


if __name__ == "__main__":
    child.answer(speak)
