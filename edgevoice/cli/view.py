"""What a talk shows of itself, and the choice of how."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Protocol


class View(Protocol):
    """Shows a talk.

    Called from any thread, and never slow: a view that draws does so on a thread of its own.
    It does not raise: when nobody can see it any more, the talk goes on.
    """

    def level(self, db: float) -> None:
        """Show how loud the microphone is, in dB of full scale (0 is the loudest)."""
        ...

    def phase(self, name: str) -> None:
        """Show what happens: idle, listening, thinking, speaking or held."""
        ...

    def partial(self, text: str) -> None:
        """Show what the user has said so far; the words may still change."""
        ...

    def heard(self, text: str) -> None:
        """Show what the user said. A new turn begins."""
        ...

    def reply(self, text: str) -> None:
        """Show the next clause of the reply, which is being spoken from now on."""
        ...

    def cut(self, text: str) -> None:
        """Show that the reply was cut: ``text`` is all of it that was really heard."""
        ...

    def stages(self, stages: dict[str, float]) -> None:
        """Show how long the stages of the turn took, in seconds.

        They are called endpoint, stt, llm, tts; "voice to voice" is the time from the end
        of the user's speech to the first sound of the reply.
        """
        ...

    def spent(self, cpu_s: float, joules: float, *, metered: bool) -> None:
        """Show what the turn cost: processor time, and energy, ``metered`` or reckoned from it."""
        ...

    def notice(self, text: str) -> None:
        """Show a line that the user should know about, such as an unplugged microphone."""
        ...

    def close(self) -> None:
        """Give the terminal back as it was. Closing twice is the same as once."""
        ...


VOICE_TO_VOICE = "voice to voice"
"""The stage that is the sum of what the user waited."""


def open_view(
    *, as_json: bool = False, plain: bool = False, typed: bool = False, models: Sequence[str] = ()
) -> View:
    """Return the view that suits standard output; ``models`` are the names of those in use.

    The full view needs a terminal that can move its cursor and show more than ASCII. It takes
    all of it, so a talk that is ``typed`` there gets plain lines among those of the user.
    """
    from edgevoice.cli.plain import JsonView, PlainView

    if as_json:
        return JsonView(sys.stdout)
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    dumb = os.environ.get("TERM", "dumb") in {"dumb", "unknown"}
    if plain or typed or dumb or encoding != "utf8" or not sys.stdout.isatty():
        echoed = typed and sys.stdin.isatty() and sys.stdout.isatty()
        return PlainView(sys.stdout, echoed=echoed)
    from rich.console import Console

    from edgevoice.cli.terminal import TerminalView

    return TerminalView(Console(highlight=False), models=models)


def printable(text: str) -> str:
    """Return ``text`` in one line without control characters, which could steer a terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def cost(cpu_s: float, joules: float, metered: bool) -> str:
    """Return what a turn cost as a person reads it; what was not metered is marked by "~"."""
    return f"{cpu_s:.1f} s of processor, {'' if metered else '~'}{joules:.1f} J"


def milliseconds(seconds: float) -> str:
    """Return a time as a person reads it: ``540 ms``, from ten seconds on ``12.3 s``."""
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"
