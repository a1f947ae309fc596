"""A read-only dictionary that leaves its values as JSON text until they are asked for."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_ENTRY = re.compile(
    rb"(" + _STRING + rb"):\s*+(?:" + _STRING + rb"|\{(?:[^\"{}]++|" + _STRING + rb")*+\})"
)


class JsonTable:
    """The entries of a JSON object whose values are strings or flat objects.

    As a ``dict``, a dictionary of pronunciations takes some eight times the memory of its
    text. This keeps the text, and of each entry the hash of its key and where it lies.
    Keys are compared as they are written: in UTF-8, and escaped no more than need be. The
    hash of a string differs from process to process, so each makes its own table.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        entries = ((hash(m[1]), m.start(), m.end()) for m in _ENTRY.finditer(text))
        places = np.fromiter(entries, [("hash", "i8"), ("start", "u4"), ("end", "u4")])
        places.sort(order="hash")
        self._hashes, self._places = places["hash"].copy(), places[["start", "end"]]

    def __len__(self) -> int:
        return len(self._hashes)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of ``key``, or ``default``."""
        written = json.dumps(key, ensure_ascii=False).encode()
        wanted = hash(written)
        for at in range(int(self._hashes.searchsorted(wanted)), len(self)):
            if self._hashes[at] != wanted:
                break
            start, end = self._places[at].item()
            if self._text.startswith(written, start):
                return json.loads(self._text[start + len(written) + 1 : end].decode())
        return default
