"""``edgevoice replay``: run a trace again and show the first difference."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from edgevoice.core.commands import Command
from edgevoice.core.events import Event
from edgevoice.core.replay import Difference, replay
from edgevoice.core.trace_format import Header, NotATrace, decode, decode_header
from edgevoice.errors import EdgeVoiceError

T = TypeVar("T")


def main(argv: list[str]) -> int:
    """Run the verb. Returns 0 when the conversation decides as it did, 1 when it does not."""
    parser = argparse.ArgumentParser(
        prog="edgevoice replay",
        description="Give the conversation the events of a trace again, and show the first "
        "command that differs. `edgevoice talk --trace FILE` writes a trace.",
    )
    parser.add_argument("trace", type=Path, help="the trace, a .jsonl file")
    path: Path = parser.parse_args(argv).trace
    header, items = _read(path)
    difference = replay(header, items)
    if difference:
        print(_shown(path, difference))
        return 1
    events = sum(isinstance(item, Event) for item in items)
    print(f"{events} events, {len(items) - events} commands: no difference.")
    return 0


def _read(path: Path) -> tuple[Header, list[Event | Command]]:
    """Return the content of a trace. Raises ``EdgeVoiceError`` at the first damaged line."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise EdgeVoiceError(f"{path} cannot be read: {error.strerror}.") from error
    if not lines:
        raise EdgeVoiceError(f"{path} is empty.")
    header = _parse(lines[0], decode_header, _place(path, 1))
    items = [_parse(line, decode, _place(path, n)) for n, line in enumerate(lines[1:], start=2)]
    return header, items


def _parse(line: bytes, decode: Callable[[object], T], place: str) -> T:
    try:
        return decode(json.loads(line))
    except NotATrace as error:
        raise EdgeVoiceError(f"{place}: {error}.") from error
    except (ValueError, RecursionError) as error:
        cut_off = not line.endswith(b"\n")
        problem = "cut off, the talk broke off while it was written" if cut_off else "damaged"
        raise EdgeVoiceError(f"{place} is {problem}.") from error


def _shown(path: Path, difference: Difference) -> str:
    place = _place(path, difference.index + 2)  # the header is the first line, lines count from 1
    return (
        f"{place}: the conversation decides otherwise.\n"
        f"  in the trace: {difference.expected or 'no further command'}\n"
        f"  now:          {difference.found or 'no further command'}"
    )


def _place(path: Path, line: int) -> str:
    return f"{path}, line {line}"
