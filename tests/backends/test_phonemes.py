import gzip
import json
from pathlib import Path

import hibari.g2p
import pytest

from edgevoice.backends.phonemes import EnglishPhonemes, pieces
from edgevoice.backends.phonemes_espeak import espeak
from edgevoice.backends.phonemes_table import JsonTable

SENTENCES = [
    "The capital of France is Paris.",
    "I read the record that you read, and live by the live wire.",
    "It is 7:30 pm on 22/11/2024, 21°C, and it costs $5.99 or 10%.",
    "Dr. Smith's 3rd edgevoicily hummed, e.g. in the U.S. (twice) — really?",
    "I'm, you're, it’s; NASA's Wi-Fi and 1990s naïve cafés!",
]


@pytest.fixture(scope="module")
def english() -> EnglishPhonemes:
    return EnglishPhonemes()


def test_packing_the_dictionaries_changes_no_sound(english: EnglishPhonemes) -> None:
    as_packaged = hibari.g2p.G2P()
    assert [english(text) for text in SENTENCES] == [as_packaged(text) for text in SENTENCES]


@pytest.mark.parametrize("name", ["us_gold", "us_silver"])
def test_a_table_answers_as_the_dictionary_would(name: str) -> None:
    packed = Path(hibari.g2p.ASSETS, f"lexicon_{name}.json.gz").read_bytes()
    text = gzip.decompress(packed)
    table, dictionary = JsonTable(text), json.loads(text)
    assert len(table) == len(dictionary)
    some = list(dictionary)[::97]
    assert [table.get(key) for key in some] == [dictionary[key] for key in some]


def test_a_table_knows_quotes_braces_and_what_it_lacks() -> None:
    entries = {'say "hi"': "a", "back\\slash": "b", "{": {"}": 1.5, '"': -2}, "é": "", "": "e"}
    table = JsonTable(json.dumps(entries, ensure_ascii=False).encode())
    assert {key: table.get(key) for key in entries} == entries
    assert table.get("say") is None
    assert table.get("say", 7) == 7


@pytest.mark.parametrize("text", ["", "...", "😀", "日本"])
def test_what_has_no_sound_in_english_has_no_letters(english: EnglishPhonemes, text: str) -> None:
    assert not any(c.isalpha() for c in english(text))


@pytest.mark.parametrize(
    ("phonemes", "longest", "cut"),
    [
        ("", 20, []),
        ("jˈɛs.", 20, ["jˈɛs."]),
        ("jˈɛs. nˈO! wˈʌt?", 20, ["jˈɛs.", "nˈO!", "wˈʌt?"]),
        ("wˈʌn, tˈu, θɹˈi, fˈɔɹ", 12, ["wˈʌn, tˈu,", "θɹˈi, fˈɔɹ"]),
        ("wˈʌn tˈu θɹˈi", 9, ["wˈʌn tˈu", "θɹˈi"]),
        ("ɑɑɑɑɑɑɑ", 3, ["ɑɑɑ", "ɑɑɑ", "ɑ"]),
    ],
    ids=[
        "nothing",
        "a sentence is a piece",
        "each sentence is one",
        "a long one is cut after a comma",
        "without a comma, between words",
        "without words, anywhere",
    ],
)
def test_pieces(phonemes: str, longest: int, cut: list[str]) -> None:
    assert list(pieces(phonemes, longest)) == cut


def test_an_abbreviation_ends_no_sentence(english: EnglishPhonemes) -> None:
    assert len(list(pieces(english("Dr. J. K. Smith lives in the U.S. today. Yes."), 150))) == 2


@pytest.mark.parametrize(
    ("word", "misaki", "there"),
    [
        ("bite", "bˈIt", "bˈaɪt"),
        ("judge", "ʤˈʌʤ", "dʒˈʌdʒ"),
        ("bird", "bˈɜɹd", "bˈɜːd"),
        ("hurry", "hˈɜɹi", "hˈɜːɹi"),
        ("never", "nˈɛvəɹ", "nˈɛvɚ"),
        ("correct", "kəɹˈɛkt", "kɚɹˈɛkt"),
        ("see", "sˈi", "sˈiː"),
        ("he", "hi", "hiː"),
        ("happy", "hˈæpi", "hˈæpi"),
        ("the apple", "ði ˈæpᵊl", "ðɪ ˈæpəl"),
        ("little", "lˈɪTᵊl", "lˈɪɾəl"),
        ("a dash", "jˈɛs — nˈO", "jˈɛs, nˈoʊ"),
        ("quotes", "“jˈɛs” (nˈO)", "jˈɛs nˈoʊ"),
    ],
)
def test_phonemes_as_espeak_writes_them(word: str, misaki: str, there: str) -> None:
    assert espeak(misaki) == there
