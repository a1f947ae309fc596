"""Which words of a clause have been heard, from how much of its audio was played.

Letters are counted, not phonemes: that is right within a word at 19 of 20 instants
(``python -m bench.intelligibility``), and needs nothing of the voice.
"""

from __future__ import annotations

from itertools import accumulate

from edgevoice.core.pauses import pause_after
from edgevoice.core.spoken_text import speakable

HEARD_SHARE = 0.5
"""A word of which this much was played is taken as heard: in a sentence, listeners know most
words from their first half (Grosjean 1980, gating), and so does the ear of the bench."""

_DIGIT = 4.0
_SYMBOL = 6.0
"""A digit is about as long as "five", a symbol as "dollar", both in letters."""

_COMMA = 3.0
"""The voices linger this long, in letters, before a comma."""


def heard_words(text: str, played_s: float, total_s: float) -> str:
    """Return the leading words of ``text`` that were heard in ``played_s`` of ``total_s``.

    ``total_s`` is the whole of the clause's audio, with the pause after it. All of ``text``
    was heard once nothing but the pause is left.
    """
    words = text.split()
    speech_s = total_s - pause_after(speakable(text))
    if played_s >= speech_s:
        return " ".join(words)
    lengths = [_length(word) for word in words]
    ends = accumulate(lengths)
    played = played_s / speech_s * sum(lengths)
    heard = [
        word
        for word, end, length in zip(words, ends, lengths, strict=True)
        if end - (1 - HEARD_SHARE) * length <= played
    ]
    return " ".join(heard)


def _length(word: str) -> float:
    """Return how long ``word`` takes to say, in letters, with one for the joint before it."""
    length = 1.0
    for c in word:
        if c.isalpha():
            length += 1.0
        elif c.isdigit():
            length += _DIGIT
        elif c in "$€£%°+=&@":
            length += _SYMBOL
    return length + _COMMA if word.endswith((",", ";", ":")) else length
