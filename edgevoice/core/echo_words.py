"""The last check for echo: whether these are the words that the assistant is just saying."""

from __future__ import annotations

from edgevoice.core.words import plain_words

LIKENESS = 0.6
"""Share of the words heard that must stand, in this order, in what is being said. An echo
that is heard badly keeps more than half of its words; a user's own words share the small
ones only."""

FEWEST_WORDS = 2
"""One word alone may well be the user's own."""


def is_echo(heard: str, saying: str) -> bool:
    """Tell whether ``heard`` is most likely the assistant's own ``saying`` come back."""
    words, said = plain_words(heard), plain_words(saying)
    if len(words) < FEWEST_WORDS:
        return False
    return _common_subsequence(words, said) >= LIKENESS * len(words)


def _common_subsequence(words: list[str], said: list[str]) -> int:
    """Return the length of the longest common subsequence."""
    row = [0] * (len(said) + 1)
    for word in words:
        diagonal = 0
        for index, other in enumerate(said, start=1):
            above = row[index]
            row[index] = diagonal + 1 if word == other else max(above, row[index - 1])
            diagonal = above
    return row[-1]
