"""What the terminal view costs: processor time and bytes written, during a lively talk.

    python -m bench.view [--seconds N] [--json FILE]

The view draws on a pseudo-terminal of 80x24 while 31 levels a second come in, a partial
transcript or a clause every 300 ms. The same drive into a view that shows nothing is taken off.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import random
import struct
import termios
import threading
import time
from io import StringIO
from pathlib import Path

from rich.console import Console

from edgevoice.cli.plain import PlainView
from edgevoice.cli.terminal import TerminalView
from edgevoice.cli.view import View

LEVEL_EVERY_S = 0.032
WORDS = "the quick brown fox jumps over the lazy dog and runs into the wide dark forest".split()

STAGES = {"endpoint": 0.2, "stt": 0.1, "llm": 0.2, "tts": 0.05, "voice to voice": 0.5}


def main() -> None:
    """Measure, print, and append to the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    nothing = drive(PlainView(StringIO()), options.seconds)
    terminal = PseudoTerminal()
    view = TerminalView(Console(file=terminal.file, force_terminal=True), ["one", "two"])
    cpu = drive(view, options.seconds) - nothing
    result = {
        "bench": "view",
        "seconds": options.seconds,
        "cpu_percent": round(100 * cpu / options.seconds, 2),
        "written_kb_per_s": round(terminal.close() / options.seconds / 1000, 2),
    }
    print(json.dumps(result))
    if options.json:
        with options.json.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")


def drive(view: View, seconds: float) -> float:
    """Show a talk of ``seconds``; return the processor time of this process in seconds."""
    chance = random.Random(1)
    before = time.process_time()
    for number in range(int(seconds / LEVEL_EVERY_S)):
        view.level(chance.uniform(-60, -10))
        turn, at = divmod(number, 120)
        if at == 0:
            view.phase("listening")
        elif at < 60 and at % 10 == 0:
            view.partial(" ".join(WORDS[: at // 6]))
        elif at == 60:
            view.heard(" ".join(WORDS))
            view.phase("speaking")
            view.stages(
                {"endpoint": 0.2, "stt": 0.1, "llm": 0.2, "tts": 0.05, "voice to voice": 0.5}
            )
        elif at > 60 and at % 10 == 0:
            view.reply(f"This is clause {at // 10} of reply {turn}, and it is not short.")
        time.sleep(LEVEL_EVERY_S)
    spent = time.process_time() - before
    view.close()
    return spent


class PseudoTerminal:
    """A terminal of 80x24 that counts what is written to it."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.file = os.fdopen(slave, "w", encoding="utf-8")
        self._bytes = 0
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def close(self) -> int:
        """Return the number of bytes written."""
        self.file.close()
        self._reader.join()
        os.close(self._master)
        return self._bytes

    def _read(self) -> None:
        try:
            while chunk := os.read(self._master, 65536):
                self._bytes += len(chunk)
        except OSError:  # so Linux says that the other end was closed
            return


if __name__ == "__main__":
    main()
