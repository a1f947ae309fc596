"""Loading a bundle in a process of its own: an engine that ends the process ends only that one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from edgevoice.errors import ModelError
from edgevoice_export.record import LoadCheck

TIMEOUT_S = 600.0
"""For loading and one short job: a billion weights from an SD card take some minutes."""


def load_check(folder: Path, timeout_s: float = TIMEOUT_S) -> LoadCheck:
    """Load the bundle in ``folder`` in a child process, and run it once there.

    Raises:
        ModelError: says what the child said, or by what it was ended.

    """
    command = [sys.executable, "-m", "edgevoice_export.probe", str(folder)]
    try:
        run = subprocess.run(  # noqa: S603 - this very interpreter
            command, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"The engine did not load the bundle in {timeout_s:.0f} s.") from None
    lines = run.stdout.strip().splitlines()
    if run.returncode or not lines:
        said = (run.stderr.strip() or run.stdout.strip()).splitlines()
        raise ModelError(f"The engine refuses the bundle: {_ending(run.returncode)}{_last(said)}.")
    return LoadCheck(**json.loads(lines[-1]))


def _ending(status: int) -> str:
    if status < 0:
        return f"it was ended by {signal.Signals(-status).name}: "
    return f"it ended with status {status}: " if status != 1 else ""


def _last(lines: list[str]) -> str:
    return lines[-1].strip().rstrip(".") if lines else "it said nothing"
