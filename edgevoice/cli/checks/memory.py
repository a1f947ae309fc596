"""Memory and disk, against what the chosen models take."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edgevoice.cli.checks.finding import Finding, ok, problem, warning
from edgevoice.runtime.machine import Memory

SPARE = 1.25
"""Memory wanted for each MB of the models: the rest of the program, and what comes and goes."""

SPARE_DISK_MB = 50.0
"""Left free by a pull."""


def check(memory: Memory | None, need_mb: float) -> list[Finding]:
    """Compare the memory that is free with the ``need_mb`` of the models."""
    if memory is None:
        return [warning("memory", "This system does not tell how much is free.")]
    free = f"{memory.free_mb:.0f} MB of {memory.total_mb:.0f} MB free"
    whose = " within the limit of this cgroup" if memory.limited else ""
    said = f"{free}{whose}; the models take {need_mb:.0f} MB"
    hint = "close other programs, or choose smaller models: edgevoice list"
    if need_mb > memory.free_mb:
        return [problem("memory", f"{said}.", hint)]
    if need_mb * SPARE > memory.free_mb:
        return [warning("memory", f"{said}, which is tight.", hint)]
    return [ok("memory", said)]


def check_disk(folder: Path, need_mb: float) -> list[Finding]:
    """Compare the space where ``folder`` is, or will be, with the ``need_mb`` of a pull."""
    there = next(place for place in (folder, *folder.parents) if place.is_dir())
    free_mb = shutil.disk_usage(there).free / 1e6
    said = f"{free_mb:.0f} MB free in {folder}"
    if not os.access(there, os.W_OK):
        grade = problem if need_mb else warning
        return [grade("disk", f"{there} cannot be written to.", "--models DIR with another folder")]
    if need_mb and need_mb + SPARE_DISK_MB > free_mb:
        return [
            problem(
                "disk",
                f"{said}; the missing models take {need_mb:.0f} MB.",
                "edgevoice rm NAME, or --models DIR on a larger disk",
            )
        ]
    return [ok("disk", said)]
