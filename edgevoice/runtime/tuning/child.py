"""Measures one bundle with one number of threads: ``python -m THIS JOB``, a job in JSON.

In a process of its own, whose memory is the model's, and whose end is nobody else's.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from edgevoice.backends import engines
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle, Role
from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime.bundles import local
from edgevoice.runtime.tuning import speeds


def main(job: dict[str, Any]) -> int:
    """Print what was found as a line of JSON. Returns the exit status."""
    # Native libraries may print to it; what we say comes last and alone.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        print(json.dumps(_measure(job)), file=answer, flush=True)
    except EdgeVoiceError as error:
        print(error.problem, file=sys.stderr)
        return 1
    return 0


def _measure(job: dict[str, Any]) -> dict[str, Any]:
    bundle, threads = local.bundle_in_place(Path(job["bundle"])), int(job["threads"])
    utterances = _heard(Path(job["speech"])) if bundle.role is Role.STT else []
    before_mb, started = pss_mb(), time.perf_counter()
    model = engines.load(bundle, threads=threads)
    load_s, loaded_mb = time.perf_counter() - started, pss_mb() - before_mb
    figures = _work(bundle, model, threads, utterances)
    if job.get("speech") and bundle.role is Role.TTS:
        _record(model, Path(job["speech"]))
    return {
        "timed": {"threads": threads, **figures},
        "load_s": round(load_s, 3),
        "loaded_mb": round(loaded_mb, 1),
        "working_mb": round(max(0.0, pss_mb() - before_mb - loaded_mb), 1),
    }


def _work(bundle: Bundle, model: Any, threads: int, utterances: list[Samples]) -> dict[str, float]:
    scope = CancelScope()
    if bundle.role is Role.LLM:
        if hasattr(model, "set_threads"):
            model.set_threads(threads)  # for prompts too
        found: Any = speeds.llm_speed(model, scope)
    elif bundle.role is Role.TTS:
        found = speeds.tts_speed(model, scope)
    else:
        found = speeds.stt_speed(model, utterances, scope)
    return {name: round(value, 4) for name, value in asdict(found).items()}


def _record(tts: Any, path: Path) -> None:
    """Keep what the voice says, at 16 kHz, for ears to hear."""
    said = {}
    for number, sentence in enumerate(speeds.SENTENCES):
        samples = np.concatenate(list(tts.synthesize(sentence, CancelScope())))
        said[str(number)] = soxr.resample(samples, tts.sample_rate, EARS_RATE)
    np.savez(path, allow_pickle=False, **said)


def _heard(path: Path) -> list[Samples]:
    with np.load(path, allow_pickle=False) as archive:
        return [np.asarray(archive[name], np.float32) for name in archive.files]


def pss_mb() -> float:
    """Return this process's proportional set size in MB, 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(li.split()[1]) * 1024 / 1e6 for li in lines if li.startswith("Pss:")), 0.0)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
