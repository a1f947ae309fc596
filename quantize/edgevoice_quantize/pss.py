"""Real memory: the proportional set size, which counts mapped model files too."""

from __future__ import annotations

import threading
from pathlib import Path

SAMPLE_EVERY_S = 0.2


def pss_mb() -> float:
    """Return this process's proportional set size in MB (1e6 bytes).

    It is the private memory, and a share of what other processes map too.

    Raises:
        OSError: the kernel does not tell.

    """
    for line in Path("/proc/self/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError("the kernel does not tell the PSS")


class PeakPss:
    """Watches the PSS on a thread of its own."""

    def __init__(self) -> None:
        """Start at 0."""
        self.mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakPss:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.mb = max(self.mb, pss_mb())

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_EVERY_S):
            self.mb = max(self.mb, pss_mb())
