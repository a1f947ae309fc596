"""A program that tells something of the device, asked without waiting for it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

TIMEOUT_S = 10.0
"""A program that has not answered by then is ended. Termux's take up to two seconds."""


class Command:
    """Runs ``arguments`` now and then, and knows what they printed last.

    ``root`` other than "/" has its programs in ``bin`` there. Not to be used by two threads.
    """

    def __init__(self, *arguments: str, root: Path, every_s: float) -> None:
        name = arguments[0]
        inside = root / "bin" / name
        found = str(inside) if inside.is_file() else None
        self._program = shutil.which(name) if root == Path("/") else found
        self._arguments = arguments[1:]
        self._every_s = every_s
        self._running: subprocess.Popen[str] | None = None
        self._begun_at = float("-inf")
        self._answer: str | None = None

    @property
    def exists(self) -> bool:
        """Whether the program is there."""
        return self._program is not None

    def latest(self, at: float, *, wait: bool = False) -> str | None:
        """Return what the program printed last, None when it fails; start it again when due.

        ``at`` is the time in seconds. With ``wait`` the answer is of now.
        """
        if self._program is None:
            return None
        if self._running is None and not 0 <= at - self._begun_at < self._every_s:
            self._begin(self._program, at)
        if self._running is not None:
            self._collect(self._running, at, wait)
        return self._answer

    def close(self) -> None:
        """End the program if it runs."""
        if self._running is not None:
            self._end(self._running)

    def _begin(self, program: str, at: float) -> None:
        self._begun_at = at
        try:
            self._running = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
                [program, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                errors="replace",
            )
        except OSError:
            self._answer = None

    def _collect(self, running: subprocess.Popen[str], at: float, wait: bool) -> None:
        if wait:
            try:
                running.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._end(running)
                return
        if running.poll() is not None:
            printed, _ = running.communicate()
            self._answer = printed if running.returncode == 0 else None
            self._running = None
        elif not 0 <= at - self._begun_at < TIMEOUT_S:
            self._end(running)

    def _end(self, running: subprocess.Popen[str]) -> None:
        running.kill()
        running.communicate()
        self._running = self._answer = None
