"""A job in a process of its own: its memory is the model's, its end only its own.

    # parent                                           # stt_child.py
    said = child.run("edgevoice_quantize.stt_child",   if __name__ == "__main__":
                     {"bundle": str(folder)})              child.answer(work)

``work`` takes the job and returns its answer, both JSON-able.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgevoice.errors import EdgeVoiceError, ModelError
from edgevoice_quantize.pss import PeakPss

TIMEOUT_S = 3600.0
"""A large language model on a small machine takes its time; one that hangs does not end at all."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
"""Measured on one thread: what a turn's other stages leave, and the most repeatable."""


def run(module: str, job: Mapping[str, Any], timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Run ``python -m module`` with ``job`` and return its answer, with the peak "pss_mb".

    Raises:
        ModelError: the child failed, or was ended; the line says what it said last.

    """
    with tempfile.TemporaryDirectory() as folder:
        question, reply = Path(folder, "job.json"), Path(folder, "answer.json")
        question.write_text(json.dumps(job), "utf-8")
        command = [sys.executable, "-m", module, str(question), str(reply)]
        try:
            done = subprocess.run(  # noqa: S603 - this very interpreter
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
                env={**os.environ, **ONE_THREAD},
            )
        except subprocess.TimeoutExpired:
            raise ModelError(f"The engine did not finish in {timeout_s:.0f} s.") from None
        if done.returncode == -signal.SIGINT:
            raise KeyboardInterrupt  # Ctrl-C reached the child first
        if done.returncode or not reply.exists():
            lines = done.stderr.strip().splitlines() or ["it said nothing"]
            how = (
                f"was ended by {signal.Signals(-done.returncode).name}"
                if done.returncode < 0
                else "failed"
            )
            raise ModelError(f"The engine {how}: {lines[-1].strip().rstrip('.')}.")
        answer: dict[str, Any] = json.loads(reply.read_text("utf-8"))
        return answer


def answer(work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Be the child: do ``work`` on the job and end the process."""
    question, reply = map(Path, sys.argv[1:3])
    job = json.loads(question.read_text("utf-8"))
    try:
        with PeakPss() as peak:
            found = work(job)
    except EdgeVoiceError as error:
        print(error.problem, file=sys.stderr)
        sys.exit(1)
    reply.write_text(json.dumps({"pss_mb": round(peak.mb, 1), **found}), "utf-8")
    sys.exit(0)
