"""A terminal for tests: a program on a pseudo-terminal, and the screen it draws."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from types import TracebackType

DEADLINE_S = 30.0
"""For a program that does nothing at all; none comes near it."""

SEQUENCE = re.compile(r"\x1b\[(\??)([\d;]*)([a-zA-Z])|([^\x1b]+)")


class Terminal:
    """Runs ``python -c code`` on a pseudo-terminal and keeps what it draws."""

    def __init__(
        self, code: str, columns: int, lines: int, environment: Mapping[str, str] | None = None
    ) -> None:
        self._master, self._slave = pty.openpty()
        self.resize(columns, lines)
        known = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self.child = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env={**known, "TERM": "xterm-256color", "PYTHONUTF8": "1", **(environment or {})},
        )
        self.output = ""
        self._bytes = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.child.kill()
        self.child.wait()
        os.close(self._master)
        os.close(self._slave)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read_until(self, done: Callable[[], bool]) -> None:
        """Take output until ``done``; fails with what is on the screen if it never is."""
        deadline = time.monotonic() + DEADLINE_S
        while not done():
            assert time.monotonic() < deadline, f"not in time:\n{self.screen or self.output}"
            if select.select([self._master], [], [], 0.05)[0]:
                self._bytes += os.read(self._master, 65536)
                self.output = self._bytes.decode(errors="ignore")

    def finish(self) -> int:
        """Take the rest of the output; return the exit status."""
        self.read_until(lambda: self.child.poll() is not None)
        while select.select([self._master], [], [], 0.5)[0]:
            self._bytes += os.read(self._master, 65536)
        self.output = self._bytes.decode(errors="ignore")
        return self.child.returncode

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    @property
    def screen(self) -> str:
        """The second screen as drawn so far, empty when it is not shown."""
        begin, end = self.output.rfind("\x1b[?1049h"), self.output.rfind("\x1b[?1049l")
        if begin <= end:
            return ""
        rows: dict[int, str] = {}
        row = 1
        for private, numbers, letter, text in SEQUENCE.findall(self.output[begin:]):
            if text:
                rows[row] += text
            elif letter == "H" and not private:
                row = int((numbers or "1").split(";")[0])
                rows[row] = ""
        return "\n".join(
            rows.get(number, "").rstrip() for number in range(1, max(rows, default=0) + 1)
        )

    @property
    def left(self) -> str:
        """What is on the first screen after the second one was closed, without styles."""
        after = self.output.rpartition("\x1b[?1049l")[2]
        return "".join(text for _, _, _, text in SEQUENCE.findall(after)).replace("\r\n", "\n")
