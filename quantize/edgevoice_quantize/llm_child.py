"""The child's side of measuring a language model: one of three jobs in a process of its own."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgevoice.backends import engines
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.runtime.bundles import local
from edgevoice.runtime.tuning.speeds import llm_speed
from edgevoice_quantize import child, llm_quality, tasks
from edgevoice_quantize.llm_texts import Reading, lay_out

ROUNDS = 5


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Do the job called ``job["job"]`` with the bundle in ``job["bundle"]``."""
    return JOBS[job["job"]](local.bundle_in_place(Path(job["bundle"])), job)


def _keep(bundle: Bundle, job: dict[str, Any]) -> dict[str, Any]:
    """Write what the source expects at each token of ``job["texts"]``; return how they are read."""
    scorer = _scorer(bundle)
    readings = [lay_out(text, scorer) for text in job["texts"]]
    llm_quality.keep(scorer, readings, Path(job["source"]))
    return {"readings": [asdict(reading) for reading in readings]}


def _compare(bundle: Bundle, job: dict[str, Any]) -> dict[str, Any]:
    """Compare a variant with what was kept of its source."""
    readings = [Reading(tuple(r["tokens"]), tuple(r["judged"])) for r in job["readings"]]
    return asdict(llm_quality.compare(_scorer(bundle), readings, Path(job["source"])))


def _speed(bundle: Bundle, _job: dict[str, Any]) -> dict[str, Any]:
    """Time the model on one thread, by processor time: others may use the machine, too."""
    llm = engines.load(bundle, threads=1)
    if hasattr(llm, "set_threads"):
        llm.set_threads(1)
    return asdict(llm_speed(llm, CancelScope(), rounds=ROUNDS, clock=time.process_time))


def _tasks(bundle: Bundle, _job: dict[str, Any]) -> dict[str, Any]:
    """Ask what an assistant is asked."""
    return asdict(tasks.answers(engines.load(bundle, threads=1), questions=tasks.held_out()))


JOBS = {"keep": _keep, "compare": _compare, "speed": _speed, "tasks": _tasks}


def _scorer(bundle: Bundle) -> Any:
    if bundle.engine == "onnx-llm":
        from edgevoice_quantize.onnx_scores import OnnxScorer

        return OnnxScorer(bundle)
    from edgevoice_quantize.gguf_scores import GgufScorer

    return GgufScorer(next(bundle.path(f.name) for f in bundle.files if f.name.endswith(".gguf")))


if __name__ == "__main__":
    child.answer(work)
