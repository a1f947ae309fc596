"""What the words of a transcript tell about the turn: a small talk sign, a command, an open end."""

from __future__ import annotations

import re
from dataclasses import dataclass

BACKCHANNELS = frozenset(
    "ah aha alright cool fine good great ha haha hm hmm huh indeed mhm mm mmm nice oh ok okay "
    "right sure uh-huh uh uhuh um wow yeah yep yes yup".split()
)
"""Words by which a listener says "go on". The vocalic ones follow the list of backchannels in
the Switchboard annotation manual (Jurafsky et al. 1997); the others are the common assents."""

STOP_WORDS = frozenset("stop wait no cancel quiet enough pause hold shut silence".split())
"""Words that take the turn at once when they open an interjection."""

OPEN_ENDS = frozenset(
    "a an the my your his her its our their this these those and or but so because if when while "
    "that which who whose to of in on at by for from with about into than as is are was were am "
    "be been have has had do does did can could will would shall should may might must i we they "
    "he she um uh er very not".split()
)
"""Words on which an English sentence rarely ends: articles, possessives, conjunctions,
prepositions, auxiliaries, subject pronouns, and the sounds of hesitation."""


@dataclass(frozen=True, slots=True)
class Look:
    """All that a decision needs to know of some words; the words themselves stay cargo.

    Attributes:
        words: how many there are.
        backchannel: all of them only say "go on".
        stop: they open with a word that takes the turn.
        open_end: they end on a word that wants more to follow.

    """

    words: int = 0
    backchannel: bool = False
    stop: bool = False
    open_end: bool = False


def look(text: str) -> Look:
    """Return what ``text``, a transcript in English, looks like."""
    words = plain_words(text)
    if not words:
        return Look()
    return Look(
        words=len(words),
        backchannel=all(word in BACKCHANNELS for word in words),
        stop=words[0] in STOP_WORDS,
        open_end=words[-1] in OPEN_ENDS or text.rstrip().endswith((",", "-", "–", "—")),
    )


def plain_words(text: str) -> list[str]:
    """Return the words of ``text`` in lower case, without punctuation."""
    return re.findall(r"[\w]+(?:['’-][\w]+)*", text.lower())
