"""Reads tokens.txt: a token's bytes in base64 and its number, a line each."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from edgevoice.errors import ModelDamaged

_LINE = re.compile(rb"([A-Za-z0-9+/]*={0,2})[ \t]+(\d+)\s*")

WORD_BEGINS = "▁".encode()
"""Stands for the space before a word."""


def read_tokens(path: Path) -> dict[int, bytes]:
    """Return each token's bytes by its number.

    Raises:
        ModelDamaged: it is not a table of tokens.

    """
    lines = [_LINE.fullmatch(line) for line in path.read_bytes().splitlines()]
    tokens = {int(line[2]): base64.b64decode(line[1] + b"==") for line in lines if line}
    if not lines or not all(lines):
        raise ModelDamaged(f"{path} is not a table of tokens.")
    return tokens


def spelled(pieces: list[bytes]) -> str:
    """Return the text of ``pieces``; what is left of a letter that was cut is left out."""
    return b"".join(pieces).replace(WORD_BEGINS, b" ").decode("utf-8", errors="ignore").strip()
