"""Writes a trace: a header line, then every event and command as a JSON line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from edgevoice.core.commands import Command
from edgevoice.core.conversation import Conversation
from edgevoice.core.events import Event
from edgevoice.core.speculation import Speculation
from edgevoice.core.trace_format import Header, encode, encode_header
from edgevoice.core.turn_taking import TurnTaking
from edgevoice.errors import EdgeVoiceError


class TraceWriter:
    """An observer of the assistant. What was said stays out unless ``words`` is set."""

    def __init__(
        self, path: Path, rules: TurnTaking, speculation: Speculation, *, words: bool = False
    ) -> None:
        self._path = path
        self._words = words
        self._problem: OSError | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise EdgeVoiceError(f"{path} cannot be written: {error.strerror}.") from error
        self._write(encode_header(Header(rules, speculation)))

    def observe(
        self, event: Event, commands: Sequence[Command], conversation: Conversation
    ) -> None:
        """Write one step."""
        del conversation
        for item in (event, *commands):
            self._write(encode(item, words=self._words))

    def close(self) -> None:
        """Complete the file. Raises ``EdgeVoiceError`` when the disk was too full for it."""
        with suppress(OSError):
            self._file.close()
        if self._problem:
            reason = self._problem.strerror
            raise EdgeVoiceError(f"{self._path} was not written to its end: {reason}.")

    def _write(self, line: Mapping[str, object]) -> None:
        if self._problem:
            return
        try:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as problem:  # the talk is worth more than its trace
            self._problem = problem
