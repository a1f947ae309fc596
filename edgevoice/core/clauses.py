"""Cuts a reply, while it is being written, into clauses to be spoken."""

from __future__ import annotations

import re
from itertools import pairwise

FIRST_CLAUSE_WORDS = 3
"""The first clause may end at a comma after this many words: early speech is worth a seam."""

LONG_CLAUSE_WORDS = 14
"""A later clause may end at a comma only after this many words: whole sentences sound best."""

FIRST_CLAUSE_LIMIT = 9
"""A first clause without punctuation is cut before a conjunction after this many words."""

_ABBREVIATIONS = frozenset("mr mrs ms dr prof st vs etc e.g i.e a.m p.m no".split())
_JOINTS = frozenset("and but or so because which that while when if then with for".split())
_BREAK = re.compile(r"([.!?…]+|[,;:—–])[\"”’')\]]*\s+|\n+")


class ClauseSplitter:
    """Feed it pieces of text as they are decoded; it hands out clauses as they are complete."""

    def __init__(self) -> None:
        self._text = ""
        self._first = True

    def feed(self, piece: str) -> list[str]:
        """Take the next piece of the reply; return the clauses that it completes."""
        self._text += piece
        clauses = []
        while (end := self._end()) is not None:
            clauses += self._take(end)
        return clauses

    def flush(self) -> list[str]:
        """Return what is left when the reply is complete."""
        return self._take(len(self._text))

    def _take(self, end: int) -> list[str]:
        clause, self._text = self._text[:end].strip(), self._text[end:]
        if not any(c.isalnum() for c in clause):
            return []
        self._first = False
        return [clause]

    def _end(self) -> int | None:
        for match in _BREAK.finditer(self._text):
            before = self._text[: match.end()]
            words = len(before.split())
            mark = match.group(1)
            if mark is None:
                return match.end()
            if mark[0] in ".!?…":
                if not _is_abbreviation(before):
                    return match.end()
            elif words >= (FIRST_CLAUSE_WORDS if self._first else LONG_CLAUSE_WORDS):
                return match.end()
        return self._joint() if self._first else None

    def _joint(self) -> int | None:
        """Return where a long first clause may be cut: before a conjunction that is complete."""
        ends = [match.end() for match in re.finditer(r"\S+\s+", self._text)]
        for count, (start, end) in enumerate(pairwise(ends), start=1):
            if count >= FIRST_CLAUSE_LIMIT and self._text[start:end].strip().lower() in _JOINTS:
                return start
        return None


def _is_abbreviation(text: str) -> bool:
    """Tell "Dr." and "J." and "1." at the end of ``text`` from the end of a sentence."""
    last = text.split()[-1].rstrip("\"”’')]")
    if not last.endswith(".") or last.endswith(".."):
        return False
    word = last[:-1].lower().lstrip("(\"“'‘")
    return word in _ABBREVIATIONS or len(word) == 1 or (word.isdigit() and len(text.split()) == 1)
