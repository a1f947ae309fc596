"""Writes a trace: a header line, then every event and command as a JSON line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from edgevoice.core.commands import Command
from edgevoice.core.conversation import Conversation, Speculation
from edgevoice.core.events import Event
from edgevoice.core.trace_format import encode
from edgevoice.core.turn_taking import TurnTaking
from edgevoice.errors import EdgeVoiceError


class TraceWriter:
    """An observer of the assistant. What was said stays out unless ``words`` is set."""

    def __init__(
        self, path: Path, rules: TurnTaking, speculation: Speculation, *, words: bool = False
    ) -> None:
        self._words = words
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise EdgeVoiceError(f"{path} cannot be written: {error.strerror}.") from error
        header = {"edgevoice_trace": 1, "rules": asdict(rules), "speculation": speculation}
        self._write(header)

    def observe(
        self, event: Event, commands: Sequence[Command], conversation: Conversation
    ) -> None:
        """Write one step."""
        del conversation
        for item in (event, *commands):
            self._write(encode(item, words=self._words))

    def close(self) -> None:
        """Complete the file."""
        self._file.close()

    def _write(self, line: dict[str, object]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()
