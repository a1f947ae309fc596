"""Makes a text and what was heard of it comparable, word for word.

What cannot be heard is taken away: case, punctuation, apostrophes, and how a number, a short
form or a compound is spelled. Both sides are treated alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

SYMBOLS = {"#": "pound", "*": "star", "%": "percent", "&": "and", "+": "plus", "@": "at"}

SHORT_FORMS = {
    "can't": "can not",
    "cannot": "can not",
    "won't": "will not",
    "n't": " not",
    "'m": " am",
    "'re": " are",
    "'ve": " have",
    "'ll": " will",
    "'d": " would",
}
"""Not "'s", which is as often a genitive."""

DIGITS = "zero one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
BELOW_HUNDRED = {word: value for value, word in enumerate(DIGITS + TEENS)} | {
    word: value for value, word in zip(range(20, 100, 10), TENS, strict=True)
}


def normalised(text: str) -> str:
    """Return the words of ``text`` in lower case, numbers as digits spoken one by one.

    "Press 28.5!" and "press twenty-eight point five" both give "press two eight point five".
    """
    text = text.lower().replace("\u2019", "'")
    for symbol, word in SYMBOLS.items():
        text = text.replace(symbol, f" {word} ")
    for short, long in SHORT_FORMS.items():
        text = re.sub(rf"{short}\b", long, text)
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"(?<=\d)\.(?=\d)", " point ", text)
    for tens in TENS:
        text = re.sub(rf"\b{tens}-", f"{tens} ", text)
    text = re.sub(r"['-]", "", text)
    words = re.findall(r"[^\W\d_]+|\d+", text)
    return " ".join(_numbers_as_digits(words))


def comparable(said: str, heard: str) -> tuple[str, str]:
    """Return both texts normalised, and compounds in one word where either has them so."""
    said_words, heard_words = normalised(said).split(), normalised(heard).split()
    return _compounded(said_words, heard_words), _compounded(heard_words, said_words)


def _compounded(words: Sequence[str], other: Sequence[str]) -> str:
    """Join the neighbours in ``words`` that ``other`` writes as one word."""
    compounds = set(other)
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] + word in compounds:
            joined[-1] += word
        else:
            joined.append(word)
    return " ".join(joined)


def _numbers_as_digits(words: Sequence[str]) -> Iterator[str]:
    number: int | None = None
    for word in words:
        longer = _continued(number, word)
        if longer is None and number is not None:
            yield from _spelled(str(number))
        if longer is None and (longer := _continued(None, word)) is None:
            yield from _spelled(word) if word.isdecimal() else [word]
        number = longer
    if number is not None:
        yield from _spelled(str(number))


def _continued(number: int | None, word: str) -> int | None:
    """Return the number that ``word`` makes of ``number``, None when it belongs to another."""
    if word == "hundred":
        below = (number or 0) % 1000
        return (number or 0) + 99 * below if 0 < below < 100 else None
    if word == "thousand":
        return number * 1000 if number and number < 1000 else None
    value = BELOW_HUNDRED.get(word)
    if value is None or number is None:
        return value
    after_hundreds = number >= 100 and number % 100 == 0
    after_tens = number % 100 >= 20 and number % 10 == 0 and value < 10
    return number + value if value and (after_hundreds or after_tens) else None


def _spelled(digits: str) -> Iterator[str]:
    return (DIGITS[int(digit)] for digit in digits)
