"""Makes text that was written to be read fit to be spoken."""

from __future__ import annotations

import html
import re
import unicodedata

_PICTURES = frozenset(["So", "Sk", "Cf", "Co", "Me"])
"""Unicode's categories of pictures, their modifiers and joiners."""

_NO_PICTURES = frozenset("°©®™^`")
"""Of these categories, but a voice has words for them, or they are markup."""

_VARIANTS = frozenset("\ufe0e\ufe0f")
"""Say whether the character before them is shown as text or as a picture."""

_ITEM = re.compile(r"\s*(?:#{1,6}|[-*+•>])\s+|\s*(?=\d+[.)]\s)")
"""What begins a heading, an item of a list or a quotation."""

_MARKUP = (
    (r"^(?:```|~~~).*$", ""),  # the fence of a code block
    (r"!?\[([^\]]*)\]\([^)]*\)", r"\1"),  # a link, an image
    (r"</?[A-Za-z][^<>]*>", ""),  # a tag
    (r"\\[()\[\]]|\$\$", ""),  # the fence of a formula
    (r"^\||\|$", ""),  # the sides of a table
    (r"(?<=\d) ?\* ?(?=\d)", " times "),
    (r"[*`]+|(?<!\w)_+|_+(?!\w)", ""),  # emphasis, code
    (r"^(\d+)\)", r"\1."),
)

_UNITS = {"s": "seconds", "m": "meters", "l": "liters", "L": "liters", "h": "hours", "g": "grams"}
"""Units of one letter, which a voice would spell. They count only apart from their number."""

_WORDS = (
    (r"\b(?:https?://|www\.)+([\w.-]*\w)(?::\d+)?(?:[/?#]\S*\w/?)?", r"\1"),  # only the host
    (r"(?<=\w)@(?=\w)", " at "),
    (r"\b(\d{1,2})\.(\d\d)(?= ?[ap]\.?m\b)", r"\1:\2"),
    (r"(?<=\d)\.(?=\d+\.\d)|(?<=\d\.\d)\.(?=\d)|(?<=\w\w)\.(?=[a-z]\w)", " dot "),
    (r"\b(\d)'(\d+)(?:\"|”|'')", r"\1 foot \2"),
    (r"~(?=\d)", "about "),
    (r" ?(?:[-=]>|[→⇒]) ?", " to "),
    (r"(?<=\d) x (?=\d)", " times "),
    (r"(?<=\d) [-−] (?=\d+ ?=)", " minus "),
    (r"\b([A-G])#", r"\1 sharp"),
    (r"(?<=[^\W\d]) / (?=[^\W\d])", " or "),
    (r"\b24/7\b", "24 7"),
    (r"\b50/50\b", "50 50"),
    (r"\bCO[2₂]", "C O 2"),
    (r"\bWWII\b", "World War 2"),
    *((rf"(?<=\d) {unit}\b(?!['’])", f" {name}") for unit, name in _UNITS.items()),
)
"""What a voice would read letter by letter, wrongly, or not at all."""

_NAMELESS_NUMBER = re.compile(r"\d{10,}")
"""A number this long is a code, to be read digit by digit; voices have no words beyond 1e36."""


def speakable(text: str) -> str:
    """Return ``text`` without markup and pictures, and in words what a voice cannot read.

    Numbers, dates, times, currencies, most units and abbreviations stay as they are: the
    voice reads them well. Each line becomes a sentence. "" when there is nothing to say.
    """
    lines = [line for line in html.unescape(text).splitlines() if line.strip()]
    spoken = [_spoken(line, last=n == len(lines)) for n, line in enumerate(lines, start=1)]
    return " ".join(line for line in spoken if any(c.isalnum() for c in line))


def _spoken(line: str, *, last: bool) -> str:
    item = _ITEM.match(line)
    line = _plain(line[item.end() if item else 0 :])
    for pattern, words in _MARKUP + _WORDS:
        line = re.sub(pattern, words, line)
    line = _plain(_NAMELESS_NUMBER.sub(_spelled, line))
    goes_on = last and not item
    return line if goes_on or re.search(r"[.!?…,;:][\"”’')]*$", line) else f"{line}."


def _plain(line: str) -> str:
    """Return ``line`` without pictures, and with single spaces."""
    return " ".join("".join(c for c in line if not _is_picture(c)).split())


def _spelled(digits: re.Match[str]) -> str:
    return " ".join(digits[0])


def _is_picture(c: str) -> bool:
    in_category = unicodedata.category(c) in _PICTURES and c not in _NO_PICTURES
    return in_category or c in _VARIANTS
