"""A small device made of control groups: less memory, less processor, a slow disk.

Needs the right to write under /sys/fs/cgroup, of version 1 or 2.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from edgevoice.errors import EdgeVoiceError

TOP = Path("/sys/fs/cgroup")
PERIOD_US = 100_000


class Cage:
    """One group of its own in each controller; use it with ``with``. Removed at the end."""

    def __init__(self) -> None:
        self._is_v1 = (TOP / "memory").is_dir()
        name = f"edgevoice-bench-{os.getpid()}"
        controllers = ("memory", "cpu", "blkio") if self._is_v1 else ("",)
        self._groups = {each: TOP / each / name for each in controllers}

    def __enter__(self) -> Cage:
        try:
            if not self._is_v1:
                (TOP / "cgroup.subtree_control").write_text("+memory +cpu +io")
            for group in self._groups.values():
                group.mkdir()
            # Other work on this machine shall not be measured.
            shares = ("cpu.shares", "262144") if self._is_v1 else ("cpu.weight", "10000")
            self._write("cpu", *shares)
        except OSError as error:
            raise EdgeVoiceError(
                f"No control group can be made: {error}.", hint="run it as root"
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for group in self._groups.values():
            group.rmdir()

    def limit(self, mb: float) -> None:
        """Allow so much memory from now on, in MB (1e6 bytes).

        Raises:
            EdgeVoiceError: more is in use, which version 1 refuses to take away.

        """
        file = "memory.limit_in_bytes" if self._is_v1 else "memory.max"
        try:
            self._write("memory", file, str(int(mb * 1e6)))
        except OSError as error:
            raise EdgeVoiceError(f"A limit of {mb:.0f} MB cannot be set: {error}.") from error

    def quota(self, percent: float) -> None:
        """Allow so much of all cores' time from now on."""
        quota_us = int(PERIOD_US * (os.cpu_count() or 1) * percent / 100)
        if self._is_v1:
            self._write("cpu", "cpu.cfs_period_us", str(PERIOD_US))
            self._write("cpu", "cpu.cfs_quota_us", str(quota_us))
        else:
            self._write("cpu", "cpu.max", f"{quota_us} {PERIOD_US}")

    def slow_reads(self, mb_s: float, path: Path) -> None:
        """Read from the disk on which ``path`` lies no faster than this."""
        device = path.stat().st_dev
        of, rate = f"{os.major(device)}:{os.minor(device)}", int(mb_s * 1e6)
        if self._is_v1:
            self._write("blkio", "blkio.throttle.read_bps_device", f"{of} {rate}")
        else:
            self._write("io", "io.max", f"{of} rbps={rate}")

    def start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Start ``command`` in the cage; its output is to be read."""
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, bufsize=1, preexec_fn=self._enter
        )

    def _enter(self) -> None:
        for group in self._groups.values():
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def _write(self, controller: str, file: str, content: str) -> None:
        group = self._groups[controller if self._is_v1 else ""]
        (group / file).write_text(content)
