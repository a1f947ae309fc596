"""The view of a talk that fills a terminal."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from edgevoice.cli.scene import WIDEST, Said, Scene, conversation, draw
from edgevoice.cli.screen import Screen
from edgevoice.cli.view import cost, printable

FRAME_S = 1 / 15
"""The least time between two drawings: smooth enough for a meter, and cheap."""

ANEW_S = 5.0
"""All is drawn anew this often, in case something else wrote on the terminal."""


class TerminalView:
    """Draws on a thread of its own, and only what changed: a slow terminal slows nobody.

    When closed, it leaves what was said on the terminal.
    """

    def __init__(self, console: Console, models: Sequence[str] = ()) -> None:
        """Take the terminal of ``console``; ``models`` are named at its foot."""
        self._console = console
        self._scene = Scene(models=models)
        self._peak_db: float | None = None
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._screen = Screen(console)
        self._thread = threading.Thread(target=self._draw_on, name="view", daemon=True)
        self._thread.start()

    def level(self, db: float) -> None:
        """Move the meter on, one column a drawing, with the loudest level since the last."""
        with self._lock:
            self._peak_db = db if self._peak_db is None else max(db, self._peak_db)
        self._changed.set()

    def phase(self, name: str) -> None:
        """Show the phase at the top."""
        with self._lock:
            self._scene.phase = name
        self._changed.set()

    def partial(self, text: str) -> None:
        """Show the words dimmed."""
        with self._lock:
            self._scene.partial = printable(text)
        self._changed.set()

    def heard(self, text: str) -> None:
        """Show the words as said."""
        with self._lock:
            self._scene.partial = ""
            self._scene.said.append(Said("you", (printable(text),)))
        self._changed.set()

    def reply(self, text: str) -> None:
        """Show the clause in bold for as long as it is the last one and being spoken."""
        with self._lock:
            said = self._scene.said
            if said and said[-1].who == "edgevoice" and said[-1].heard is None:
                said[-1] = replace(said[-1], clauses=(*said[-1].clauses, printable(text)))
            else:
                said.append(Said("edgevoice", (printable(text),)))
        self._changed.set()

    def cut(self, text: str) -> None:
        """Strike out what of the last reply was not heard."""
        with self._lock:
            said = self._scene.said
            for place in reversed(range(len(said))):
                if said[place].who == "edgevoice":
                    said[place] = replace(said[place], heard=printable(text))
                    break
        self._changed.set()

    def stages(self, stages: dict[str, float]) -> None:
        """Show the stages as a bar."""
        with self._lock:
            self._scene.stages = dict(stages)
        self._changed.set()

    def spent(self, cpu_s: float, joules: float, *, metered: bool) -> None:
        """Show the cost of the last turn at the bottom."""
        with self._lock:
            self._scene.spent = cost(cpu_s, joules, metered)
        self._changed.set()

    def notice(self, text: str) -> None:
        """Show the notice among what was said."""
        with self._lock:
            self._scene.said.append(Said("notice", (printable(text),)))
        self._changed.set()

    def close(self) -> None:
        """Give the terminal back, and leave there what was said."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._changed.set()
        self._thread.join(timeout=1.0)
        with suppress(OSError, ValueError):  # the terminal is gone
            self._screen.close()
            for line in conversation(self._scene, min(WIDEST, self._console.width - 1)):
                self._console.print(line, soft_wrap=True)

    def _draw_on(self) -> None:
        anew_at = memory_at = 0.0
        while not self._closing.is_set():
            now = time.monotonic()
            if now >= memory_at:
                self._scene.memory_mb, memory_at = resident_mb(), now + 1.0
            try:
                self._screen.draw(self._frame(), anew=now >= anew_at)
            except (OSError, ValueError):  # the terminal is gone
                return
            if now >= anew_at:
                anew_at = now + ANEW_S
            self._closing.wait(FRAME_S)
            self._changed.wait(timeout=1.0)
            self._changed.clear()

    def _frame(self) -> list[Text]:
        with self._lock:
            if self._peak_db is not None:
                self._scene.meter.append((self._peak_db, self._scene.phase))
                self._peak_db = None
            scene = self._scene.snapshot()
        return draw(scene, *self._screen.size)


def resident_mb() -> float:
    """Return the resident memory of this process in MB, 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
