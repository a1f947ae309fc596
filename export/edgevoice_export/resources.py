"""What an export takes of disk and memory: estimated, said, and compared before it begins."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime.bundles.disk import SPARE_BYTES
from edgevoice.runtime.bundles.progress import Progress

LIBRARIES_MB = 700
"""Resident after importing torch, transformers and optimum: 600-700 MB as their wheels come."""

CGROUP_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Limit and use of the control group, in versions 2 and 1."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job will take at its peak, in MB (1e6 bytes)."""

    disk_mb: float
    memory_mb: float

    def check(self, what: str, output: Path, progress: Progress, root: Path = Path("/")) -> None:
        """Say the estimate, and compare it with what this machine has.

        Raises:
            EdgeVoiceError: the disk or the memory is too small.

        """
        free_mb = free_disk_mb(output)
        available_mb = available_memory_mb(root)
        progress.say(
            f"{what}: about {self.disk_mb:,.0f} MB of disk ({free_mb:,.0f} MB are free) "
            f"and {self.memory_mb:,.0f} MB of memory"
            + (f" ({available_mb:,.0f} MB are free)" if available_mb is not None else "")
        )
        if self.disk_mb > free_mb:
            raise EdgeVoiceError(
                f"{what} takes about {self.disk_mb:,.0f} MB of disk and {free_mb:,.0f} MB are "
                f"free at {output}.",
                hint="--output on a larger disk",
            )
        if available_mb is not None and self.memory_mb > available_mb:
            raise EdgeVoiceError(
                f"{what} takes about {self.memory_mb:,.0f} MB of memory and "
                f"{available_mb:,.0f} MB are free.",
                hint="close other programs, or export on a larger machine and copy the bundle",
            )


def free_disk_mb(output: Path) -> float:
    """Return what may be written at ``output``, in MB; what the system needs is left out."""
    there = next(folder for folder in (output, *output.absolute().parents) if folder.exists())
    return max(shutil.disk_usage(there).free - SPARE_BYTES, 0) / 1e6


def available_memory_mb(root: Path = Path("/")) -> float | None:
    """Return the memory in MB that programs can still have, None where the system does not tell.

    ``root`` stands for the file system's, so that another machine can be laid out for a test.
    """
    free = []
    try:
        lines = (root / "proc/meminfo").read_text("ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        free.append(int(fields["MemAvailable"].split()[0]) * 1024)
    except (OSError, ValueError, KeyError):
        pass
    for limit, used in CGROUP_LIMITS:
        try:
            words = [(root / path.lstrip("/")).read_text("ascii") for path in (limit, used)]
            free.append(int(words[0]) - int(words[1]))
        except (OSError, ValueError):  # no such control group, or no limit: "max"
            continue
    return max(min(free), 0) / 1e6 if free else None
