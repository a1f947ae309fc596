"""Views that need no terminal: lines for a person, and lines for a program."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable
from typing import TextIO

from edgevoice.cli.view import cost, milliseconds, printable


class _Lines:
    """Writes whole lines at once. A reader that went away ends the writing, not the talk."""

    def __init__(self, out: TextIO) -> None:
        self._out: TextIO | None = out
        self._lock = threading.Lock()
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="replace")  # where the locale lacks a letter

    def write(self, line: str) -> None:
        with self._lock:
            if self._out is None:
                return
            try:
                self._out.write(line + "\n")
                self._out.flush()
            except (OSError, ValueError):  # ValueError: the file was closed here
                self._out = None

    def close(self) -> None:
        with self._lock:
            self._out = None


class PlainView:
    """One line for each thing said, for a log or a pipe. What changes all the time is left out."""

    def __init__(self, out: TextIO, *, echoed: bool = False) -> None:
        """Write to ``out``, where the user's own words are seen already if ``echoed``."""
        self._lines = _Lines(out)
        self._echoed = echoed

    def level(self, db: float) -> None:
        """Show nothing."""

    def phase(self, name: str) -> None:
        """Show nothing."""

    def partial(self, text: str) -> None:
        """Show nothing; ``heard`` follows."""

    def heard(self, text: str) -> None:
        """Write what the user said."""
        if not self._echoed:
            self._lines.write(f"      you: {printable(text)}")

    def reply(self, text: str) -> None:
        """Write the clause."""
        self._lines.write(f"edgevoice: {printable(text)}")

    def cut(self, text: str) -> None:
        """Write what was heard of the reply."""
        self._lines.write(f"      cut: {printable(text) or '(before the first word)'}")

    def stages(self, stages: dict[str, float]) -> None:
        """Write all stages in one line."""
        times = (f"{name} {milliseconds(seconds)}" for name, seconds in stages.items())
        self._lines.write(f"     took: {', '.join(times)}")

    def spent(self, cpu_s: float, joules: float, *, metered: bool) -> None:
        """Write the cost."""
        self._lines.write(f"    spent: {cost(cpu_s, joules, metered)}")

    def notice(self, text: str) -> None:
        """Write the notice."""
        self._lines.write(f"        !  {printable(text)}")

    def close(self) -> None:
        """Write no more."""
        self._lines.close()


class JsonView:
    """One JSON object a line: ``at`` (seconds since the start), ``kind``, and what ``kind`` has.

    Levels are left out: there are dozens of them a second.
    """

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to ``out``. ``clock`` counts seconds."""
        self._lines = _Lines(out)
        self._clock = clock
        self._start = clock()

    def level(self, db: float) -> None:
        """Show nothing."""

    def phase(self, name: str) -> None:
        """Write ``name``."""
        self._write("phase", name=name)

    def partial(self, text: str) -> None:
        """Write ``text``."""
        self._write("partial", text=text)

    def heard(self, text: str) -> None:
        """Write ``text``."""
        self._write("heard", text=text)

    def reply(self, text: str) -> None:
        """Write ``text``."""
        self._write("reply", text=text)

    def cut(self, text: str) -> None:
        """Write ``text``."""
        self._write("cut", text=text)

    def stages(self, stages: dict[str, float]) -> None:
        """Write ``seconds``, an object with a number for each stage."""
        self._write("stages", seconds={name: round(took, 4) for name, took in stages.items()})

    def spent(self, cpu_s: float, joules: float, *, metered: bool) -> None:
        """Write ``cpu_s``, ``joules`` and ``metered``."""
        self._write("spent", cpu_s=round(cpu_s, 3), joules=round(joules, 3), metered=metered)

    def notice(self, text: str) -> None:
        """Write ``text``."""
        self._write("notice", text=text)

    def close(self) -> None:
        """Write no more."""
        self._lines.close()

    def _write(self, kind: str, **content: object) -> None:
        at = round(self._clock() - self._start, 3)
        self._lines.write(json.dumps({"at": at, "kind": kind, **content}))
