"""English text to phonemes, for every voice: the rules and dictionaries of the hibari package.

They are misaki's and spaCy's (Apache-2.0, MIT), without espeak-ng, which is GPL. The
alphabet is that of misaki and Kokoro: IPA with one letter for a diphthong or an affricate.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import hibari.g2p
from hibari.g2p.lexicon import Lexicon
from hibari.g2p.tagger import Tagger
from hibari.g2p.tokenize import Tokenizer

from edgevoice.backends.phonemes_table import JsonTable

_ASSETS = Path(hibari.g2p.ASSETS)
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"”)]*\s+")
_CLAUSE_END = re.compile(r"(?<=[,;:—])\s+")


class EnglishPhonemes(hibari.g2p.G2P):  # type: ignore[misc]  # hibari has no types
    """``english(text)`` is ``text`` in phonemes; "" when nothing in it can be said.

    The package would keep its dictionaries as Python objects, in 105 MB where 25 do, so
    this loads them its own way. Reads files of the package only, and takes half a second.
    """

    def __init__(self) -> None:
        tags, _, weights = _asset("tagger.json.gz").partition(b'"weights":')
        tagger = json.loads(tags.rstrip(b", ") + b"}")
        self.tagger = Tagger({**tagger, "weights": JsonTable(weights)})
        self.lexicon = Lexicon(
            JsonTable(_asset("lexicon_us_gold.json.gz")),
            JsonTable(_asset("lexicon_us_silver.json.gz")),
        )
        self.tokenizer = Tokenizer(json.loads(_asset("tokenizer_exceptions.json")))
        self.unk = ""
        self.british = False
        self._oov = None


def pieces(phonemes: str, longest: int) -> Iterator[str]:
    """Cut ``phonemes`` into sentences, and these into pieces of at most ``longest`` characters.

    A long sentence is cut at the last comma that allows it, else between words.
    """
    for sentence in _SENTENCE_END.split(phonemes):
        rest = sentence.strip()
        while len(rest) > longest:
            ends = [m.end() for m in _CLAUSE_END.finditer(rest, 0, longest)]
            end = ends[-1] if ends else rest.rfind(" ", 1, longest) + 1 or longest
            yield rest[:end].rstrip()
            rest = rest[end:]
        if rest:
            yield rest


def _asset(name: str) -> bytes:
    data = (_ASSETS / name).read_bytes()
    return gzip.decompress(data) if name.endswith(".gz") else data
