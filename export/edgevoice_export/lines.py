"""Progress as lines with the time they came at: an export takes seconds to minutes."""

from __future__ import annotations

import sys
import time


class Lines:
    """Fulfils ``Progress``: a line for each step, and one at each quarter of a long one."""

    def __init__(self) -> None:
        """Start the clock."""
        self._start = time.monotonic()

    def begin(self, what: str, total_bytes: int, done_bytes: int = 0) -> None:
        """Say what is begun."""
        self._what, self._total, self._done = what, max(total_bytes, 1), done_bytes
        self.say(f"{what}: {total_bytes / 1e6:,.0f} MB")

    def advance(self, num_bytes: int) -> None:
        """Say so when another quarter is done."""
        before, self._done = self._done, self._done + num_bytes
        quarter = 4 * self._done // self._total
        if quarter > 4 * before // self._total and quarter < 4:
            self.say(f"{self._what}: {25 * quarter} %")

    def say(self, line: str) -> None:
        """Print ``line`` at once."""
        print(f"{time.monotonic() - self._start:6.1f} s  {line}", file=sys.stderr, flush=True)
