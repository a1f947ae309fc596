"""From misaki's alphabet to that of espeak-ng's American English, which Piper's voices read."""

from __future__ import annotations

import re

_VOWEL = "[AIOQWYaiuæɑɒɔəɛɜɪʊʌᵊᵻɐ]"
_ONTO_VOWEL = rf"(?=[ˈˌ]?{_VOWEL})"
_NO_VOWELS = rf"(?:(?!{_VOWEL})\S)*"

_IN_CONTEXT = (
    (re.compile(rf"əɹ{_ONTO_VOWEL}"), "ɚɹ"),  # general
    (re.compile(rf"ɜɹ{_ONTO_VOWEL}"), "ɜːɹ"),  # hurry
    (re.compile(r"əɹ"), "ɚ"),  # never
    (re.compile(r"ɜɹ"), "ɜː"),  # bird
    (re.compile(r"(?<!\S)ði(?!\S)"), "ðɪ"),  # the, before a vowel
    (re.compile(r"(?<=[ˈˌ])i"), "iː"),  # see, but not: happy
    (re.compile(rf"(?<!\S)({_NO_VOWELS})i(?!ː)({_NO_VOWELS})(?!\S)"), r"\1iː\2"),  # he
)

_LETTERS = str.maketrans(
    {"A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "ʤ": "dʒ", "ʧ": "tʃ"}
    | {"T": "ɾ", "ᵊ": "ə", "u": "uː", "ɑ": "ɑː", "ɔ": "ɔː", "—": ",", "…": "."}
    | dict.fromkeys('"“”()', "")
)


def espeak(phonemes: str) -> str:
    """Return ``phonemes`` as espeak-ng would have written them."""
    for pattern, there in _IN_CONTEXT:
        phonemes = pattern.sub(there, phonemes)
    return phonemes.translate(_LETTERS).replace(" ,", ",")
