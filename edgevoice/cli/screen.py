"""A whole terminal, borrowed and given back as it was."""

from __future__ import annotations

import os
import sys
import tempfile
import termios
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from rich.console import Console
from rich.text import Text

TAIL_BYTES = 4000
"""How much of the native libraries' chatter is kept to be shown in the end."""


class Screen:
    """Draws lines on the terminal's second screen; the first one stays as it is.

    While it is open, keys typed are not echoed, and what native libraries write to
    standard error (ALSA does so at length) waits until ``close``.
    """

    def __init__(self, console: Console) -> None:
        """Take the terminal that ``console`` writes to."""
        self._console = console
        self._lines: list[Text] = []
        self._size = (0, 0)
        self._echo = _Echo(console.file)
        self._stderr = _StderrAside(console.file)
        console.set_alt_screen(True)
        console.show_cursor(False)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines that can be drawn on; the last column stays free."""
        width, height = self._console.size
        return max(1, width - 1), height

    def draw(self, lines: Sequence[Text], *, anew: bool = False) -> None:
        """Make ``lines`` what is seen, writing those that changed, or all of them ``anew``."""
        out = []
        if anew or self._size != self.size:
            self._size, self._lines = self.size, []
        for row, line in enumerate(lines):
            if row >= len(self._lines) or line != self._lines[row]:
                # \x1b[K clears what the line before reached beyond this one.
                out.append(f"\x1b[{row + 1};1H{self._encoded(line)}\x1b[K")
        self._lines = list(lines)
        if out:
            self._console.file.write("".join(out))
            self._console.file.flush()

    def close(self) -> None:
        """Give the terminal back."""
        self._console.show_cursor(True)
        self._console.set_alt_screen(False)
        self._echo.restore()
        self._stderr.restore()

    def _encoded(self, line: Text) -> str:
        with self._console.capture() as capture:
            self._console.print(line, end="", soft_wrap=True)
        return capture.get()


class _Echo:
    """Turns the terminal's echo of keys off, where there is one."""

    def __init__(self, out: IO[str]) -> None:
        self._terminal = -1
        with suppress(OSError, ValueError, termios.error):
            self._switch(out.fileno(), echo=False)
            self._terminal = out.fileno()

    def restore(self) -> None:
        if self._terminal >= 0:
            with suppress(OSError, termios.error):
                self._switch(self._terminal, echo=True)

    @staticmethod
    def _switch(terminal: int, *, echo: bool) -> None:
        modes = termios.tcgetattr(terminal)
        modes[3] = modes[3] | termios.ECHO if echo else modes[3] & ~termios.ECHO
        termios.tcsetattr(terminal, termios.TCSADRAIN, modes)


class _StderrAside:
    """Leads standard error into a file while it would be written over the screen."""

    def __init__(self, out: IO[str]) -> None:
        self._saved = -1
        with suppress(OSError, ValueError):
            if not (os.isatty(out.fileno()) and os.isatty(2)):
                return
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open until restore
            sys.stderr.flush()
            self._saved = os.dup(2)
            os.dup2(self._file.fileno(), 2)

    def restore(self) -> None:
        if self._saved < 0:
            return
        sys.stderr.flush()
        os.dup2(self._saved, 2)
        os.close(self._saved)
        self._saved = -1
        with self._file as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            sys.stderr.write(file.read().decode(errors="replace"))
