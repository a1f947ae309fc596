"""Cuts a reply, while it is being written, into clauses to be spoken."""

from __future__ import annotations

import re

FIRST_CLAUSE_WORDS = 2
"""The first clause may end after this many words at a comma, or before a word that begins a phrase:
early speech is worth a seam."""

LATER_CLAUSE_WORDS = 14
"""A later clause may end at a comma only after this many words: whole sentences sound best."""

FIRST_CLAUSE_LIMIT = 5
"""A first clause without punctuation is cut before a conjunction after this many words."""

LATER_CLAUSE_LIMIT = 30
"""A later clause likewise: one that never ends would be voiced, and cancelled, as a whole."""

_ABBREVIATIONS = frozenset("mr mrs ms dr prof st mt jr sr vs etc approx".split())
_PHRASE_BEGINS = frozenset("about because but for from if when while with".split())
_JOINTS = _PHRASE_BEGINS | frozenset("and or so which that then".split())
_MARK = re.compile(r"(?:([.!?…]+)|[,;:—–])[\"”’')\]*_]*(?=\s)|(\n)")
_EARLY_COMMA = re.compile(r"(?<=[^\W\d_]),")
"""After a letter a comma needs no look at what follows: one token less to wait for."""
_INITIALS = re.compile(r"[a-z](?:\.[a-z])*")
_OPENING = "\"“'‘([*_"
_CLOSING = "\"”’')]*_"


class ClauseSplitter:
    """Feed it pieces of text as they are decoded; it hands out clauses as they are complete.

    The clauses do not depend on how the text is cut into pieces. Nothing that can be spoken
    is lost: their words are those of the text, but for symbols at its very end.
    """

    def __init__(self) -> None:
        self._text = ""
        self._first = True

    def feed(self, piece: str) -> list[str]:
        """Take the next piece of the reply; return the clauses that it completes."""
        self._text += piece
        clauses = []
        while end := self._end():
            clauses.append(self._take(end))
        return clauses

    def flush(self) -> list[str]:
        """Return what is left when the reply is complete."""
        rest = self._take(len(self._text))
        return [rest] if _speakable(rest) else []

    def _take(self, end: int) -> str:
        clause, self._text = self._text[:end], self._text[end:]
        self._first = False
        return " ".join(clause.split())

    def _end(self) -> int:
        """Return where the first clause ends, 0 while it is not complete.

        Of several such places it is the one that was complete first.
        """
        joint = self._joint()
        early = self._early_comma()
        for mark in _MARK.finditer(self._text):
            if early and early <= mark.end():
                break
            if joint and joint.end() < mark.end():
                return joint.start()
            if self._ends_clause(mark):
                return mark.end()
        if early and not (joint and joint.end() < early):
            return early
        return joint.start() if joint else 0

    def _early_comma(self) -> int:
        """Return where the first clause ends at a comma, 0 if it does not."""
        for comma in _EARLY_COMMA.finditer(self._text) if self._first else ():
            before = self._text[: comma.end()]
            if sum(map(_speakable, before.split())) >= FIRST_CLAUSE_WORDS:
                return comma.end()
        return 0

    def _joint(self) -> re.Match[str] | None:
        """Return the first word before which the clause may end."""
        words_before = 0
        for word in re.finditer(r"\S+(?=\s)", self._text):
            if self._begins_clause(words_before, word[0]):
                return word
            words_before += _speakable(word[0])
        return None

    def _begins_clause(self, words_before: int, word: str) -> bool:
        if self._first and words_before < FIRST_CLAUSE_LIMIT:
            return words_before >= FIRST_CLAUSE_WORDS and word.lower() in _PHRASE_BEGINS
        limit = FIRST_CLAUSE_LIMIT if self._first else LATER_CLAUSE_LIMIT
        return words_before >= limit and word.lower() in _JOINTS

    def _ends_clause(self, mark: re.Match[str]) -> bool:
        before, after = self._text[: mark.end()], self._text[mark.end() :].lstrip()
        if not _speakable(before):
            return False
        sentence_end, newline = mark.groups()
        if newline:
            return True
        if not sentence_end:
            words = FIRST_CLAUSE_WORDS if self._first else LATER_CLAUSE_WORDS
            return sum(map(_speakable, before.split())) >= words and _is_no_number(after)
        return not _is_abbreviation(before) and (
            not before.lower().endswith("no.") or _is_no_number(after)
        )


def _is_no_number(after: str) -> bool:
    """Tell what follows "July 20," and "No." from a year and a number; False while unknown."""
    return after != "" and not after[0].isdigit()


def _is_abbreviation(text: str) -> bool:
    """Tell "Dr." and "U.S." and "1." at the end of ``text`` from the end of a sentence."""
    tokens = text.split()
    last = tokens[-1].strip(_OPENING + _CLOSING)
    if not last.endswith("."):
        return False
    word = last[:-1].lower()
    if word.isdigit():
        return len(tokens) == 1
    return word in _ABBREVIATIONS or _INITIALS.fullmatch(word) is not None


def _speakable(text: str) -> bool:
    return any(c.isalnum() for c in text)
