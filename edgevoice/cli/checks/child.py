"""Runs a probe in a process of its own: what it touches may crash or hang."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe said: an object per line, and how it ended if not well."""

    objects: tuple[dict[str, Any], ...]
    ending: str = ""


def ask(probe: Path, arguments: Sequence[str], timeout_s: float) -> Answer:
    """Run the program ``probe`` and return its answer, after ``timeout_s`` at the latest."""
    # A file rather than a pipe: a sound server that the probe started would keep a pipe open.
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(  # noqa: S603 - a file of this package
            [sys.executable, "-P", str(probe), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
        try:
            ending = _ending(child.wait(timeout_s))
        except subprocess.TimeoutExpired:
            ending = f"no answer for {timeout_s:.0f} s"
        finally:
            child.kill()
            with suppress(subprocess.TimeoutExpired):  # it hangs in the kernel
                child.wait(1.0)
        out.seek(0)
        return Answer(tuple(_objects(out.read())), ending)


def _ending(status: int) -> str:
    if status >= 0:
        return f"exit status {status}" if status else ""
    try:
        return f"crash: {signal.strsignal(-status)}"
    except ValueError:
        return f"crash: signal {-status}"


def _objects(lines: bytes) -> list[dict[str, Any]]:
    objects = []
    for line in lines.splitlines():
        with suppress(ValueError):  # a library's chatter
            value = json.loads(line)
            objects += [value] if isinstance(value, dict) else []
    return objects
