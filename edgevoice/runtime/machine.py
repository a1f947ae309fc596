"""What this machine has: processor and memory, as Linux tells in ``/proc`` and ``/sys``.

``root`` stands for ``/``, so that another machine can be laid out in a folder.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path("/")


@dataclass(frozen=True, slots=True)
class Processor:
    """The processor.

    Attributes:
        name: of the board where it has one, else of the processor.
        cores: that this process may use.
        share: how many cores' worth of time a cgroup grants, None for all.
        features: the instructions it has, in the kernel's words ("avx2", "asimddp").

    """

    name: str
    cores: int
    share: float | None = None
    features: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory in MB (1e6 bytes). ``limited`` tells that a cgroup allows less than there is."""

    total_mb: float
    free_mb: float
    limited: bool = False


def processor(root: Path = HERE) -> Processor:
    """Return what is known of the processor; without ``/proc`` that is little."""
    fields: dict[str, str] = {}
    cores = 0
    for line in text(root / "proc/cpuinfo").splitlines():
        name, _, value = (part.strip() for part in line.partition(":"))
        cores += name == "processor"
        fields.setdefault(name, value)
    board = text(root / "proc/device-tree/model").strip("\0\n ")
    return Processor(
        name=board or fields.get("model name") or fields.get("Hardware") or platform.machine(),
        cores=min(filter(None, (cores, _allowed_cores(root))), default=os.cpu_count() or 1),
        share=share(root),
        features=frozenset((fields.get("flags") or fields.get("Features") or "").split()),
    )


def share(root: Path = HERE) -> float | None:
    """Return how many cores' worth of time a cgroup grants, None for all; it may change."""
    return min(_shares(root), default=None)


def memory(root: Path = HERE) -> Memory | None:
    """Return the memory that this process may still take, None where the system does not tell.

    The tightest of what is available and of the limits of all cgroups that it is in.
    A cgroup's inactive file pages count as free: the kernel drops them first.
    """
    kilobytes = numbers(root / "proc/meminfo")
    if "MemTotal:" not in kilobytes or "MemAvailable:" not in kilobytes:
        return None
    total = kilobytes["MemTotal:"] * 1024 / 1e6
    memory = Memory(total, kilobytes["MemAvailable:"] * 1024 / 1e6)
    for limit_mb, free_mb in _memory_limits(root):
        if limit_mb < total and free_mb < memory.free_mb:
            memory = Memory(limit_mb, free_mb, limited=True)
    return memory


def _memory_limits(root: Path) -> Iterator[tuple[float, float]]:
    for group in cgroups(root, "memory"):
        for limit_file, used_file, inactive in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            limit, used = text(group / limit_file).strip(), text(group / used_file).strip()
            if limit.isdigit() and used.isdigit():
                dropped = numbers(group / "memory.stat").get(inactive, 0)
                yield int(limit) / 1e6, max(0, int(limit) - int(used) + dropped) / 1e6


def _shares(root: Path) -> Iterator[float]:
    for group in cgroups(root, "cpu"):
        quota, _, period = text(group / "cpu.max").strip().partition(" ")
        quota = quota or text(group / "cpu.cfs_quota_us").strip()
        period = period or text(group / "cpu.cfs_period_us").strip()
        if quota.isdigit() and period.isdigit() and int(period):  # "max" and -1 are no limit
            yield int(quota) / int(period)


def cgroups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the cgroup that this process is in, of either version, and those above it.

    ``controller`` is "memory" or "cpu".
    """
    for line in text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and controller not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / (controller if controllers else "")
        # Seen from a container, the path may lead out of what is mounted there.
        parts = [part for part in path.split("/") if part not in {"", ".."}]
        for depth in range(len(parts), -1, -1):
            yield top.joinpath(*parts[:depth])


def _allowed_cores(root: Path) -> int:
    for line in text(root / "proc/self/status").splitlines():
        name, _, mask = line.partition(":")
        if name == "Cpus_allowed":
            return int(mask.replace(",", ""), 16).bit_count()
    return 0


def numbers(path: Path) -> dict[str, int]:
    """Return the lines of a file like ``/proc/meminfo``: first word to the number after it."""
    words = (line.split() for line in text(path).splitlines())
    return {word[0]: int(word[1]) for word in words if len(word) > 1 and word[1].isdigit()}


def text(path: Path) -> str:
    """Return the content of a file, "" when it is absent or not for us."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
