"""What the words of a transcript tell about the turn: a small talk sign, a command, an open end."""

from __future__ import annotations

import re
from dataclasses import dataclass

BACKCHANNELS = frozenset(
    "ah aha alright cool exactly fine good gotcha great ha haha hm hmm huh indeed interesting "
    "mhm mhmm mm mm-hm mm-hmm mmhmm mmm nice oh ok okay really right sure true uh-huh uh uhhuh "
    "uhuh um wow yeah yep yes yup".split()
)
"""Words by which a listener says "go on". The vocalic ones follow the list of backchannels in
the Switchboard annotation manual (Jurafsky et al. 1997); the others are the common assents."""

_GO_ON = re.compile(r"\b(?:i see|got it|go on|of course|all right|that's (?:right|true|nice))\b")
"""Backchannels of several words, from the same list."""

STOP_WORDS = frozenset(
    "stop wait no nope never cancel quiet enough pause hold hang shut silence".split()
)
"""Words by which a listener takes the turn."""

_BESIDE_STOP = frozenset(
    "a be hey it just mind minute moment now okay on please second talking thank thanks "
    "that that's the you up".split()
)
"""Words that stand beside a stop word and ask for nothing: "hold on a second, please"."""

NEVER_LAST = frozenset(
    "a an the my your our their and or but so because if when while which whose of into than "
    "uh um er".split()
)
"""Words on which no English sentence ends: articles, possessives, conjunctions, sounds of
hesitation."""

RARELY_LAST = frozenset(
    "his her its to in on at by for from with about as is are was were am be been have has had "
    "do does did can could will would shall should may might must i we they he she who "
    "very not".split()
)
"""Words on which a statement rarely ends, but a question may: prepositions, auxiliaries,
pronouns."""

_SOUNDS = re.compile(r"\[[^]]*\]|\([^)]*\)|\*[^*]*\*")
"""What a speech-to-text model writes for a sound that is no word: "[BLANK_AUDIO]", "(coughs)"."""

_BREAKS_OFF = ("-", "–", "—", "...", "…")
"""A comma is no sign: models write one at the end of a sentence as often as before a pause."""


@dataclass(frozen=True, slots=True)
class Look:
    """All that a decision needs to know of some words; the words themselves stay cargo.

    Attributes:
        words: how many there are.
        backchannel: all of them only say "go on".
        stop: all of them only say "stop"; no answer is wanted.
        open_end: they end on a word, or break off, so that more must follow.

    """

    words: int = 0
    backchannel: bool = False
    stop: bool = False
    open_end: bool = False


def look(text: str) -> Look:
    """Return what ``text``, a transcript in English, looks like."""
    text = _SOUNDS.sub(" ", text).strip()
    words = plain_words(text)
    if not words:
        return Look()
    return Look(
        words=len(words),
        backchannel=all(w in BACKCHANNELS for w in _GO_ON.sub(" ", " ".join(words)).split()),
        stop=not STOP_WORDS.isdisjoint(words) and set(words) <= STOP_WORDS | _BESIDE_STOP,
        open_end=text.endswith(_BREAKS_OFF)
        or words[-1] in NEVER_LAST
        or (words[-1] in RARELY_LAST and not text.endswith("?")),
    )


def plain_words(text: str) -> list[str]:
    """Return the words of ``text`` in lower case, without punctuation."""
    return re.findall(r"\w+(?:['-]\w+)*", text.lower().replace("’", "'"))


def stable_words(earlier: str, later: str) -> str:
    """Return the leading words of ``later`` that two partial transcripts agree on.

    The last word that they share is left out: it may be the beginning of a longer one
    (local agreement, Liu et al. 2020).
    """
    words = later.split()
    agreed = 0
    for mine, theirs in zip(words, earlier.split(), strict=False):
        if plain_words(mine) != plain_words(theirs):
            break
        agreed += 1
    return " ".join(words[: max(0, agreed - 1)])
