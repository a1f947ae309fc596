from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.backends.gguf_text import ReplyText, unsure

STOPS = ["<|im_end|>", "User:"]


def said(*tokens: bytes, stops: list[str] = STOPS) -> list[str]:
    text = ReplyText(stops)
    return [text.feed(token) for token in tokens] + [text.flush()]


@pytest.mark.parametrize(
    ("tokens", "pieces"),
    [
        ([b"Hello", b" there"], ["Hello", " there", ""]),
        ([b" ", b"\n", b" Hi"], ["", "", "Hi", ""]),
        (["é".encode()[:1], "é".encode()[1:]], ["", "é", ""]),
        (["🙂".encode()[:3], "🙂".encode()[3:], b"!"], ["", "🙂", "!", ""]),
        ([b"Yes", "🙂".encode()[:2]], ["Yes", "", ""]),
        ([b"\xff", b"a"], ["\ufffd", "a", ""]),
        ([b"Yes.<|im", b"_end|>", b"more"], ["Yes.", "", "", ""]),
        ([b"a <", b"b"], ["a ", "<b", ""]),
        ([b"a <|im_"], ["a ", "<|im_"]),
        ([b"Fine.\nUs", b"er", b": no"], ["Fine.\n", "", "", ""]),
        ([b"Use", b"ful"], ["", "Useful", ""]),
        ([b"<|im_end|>"], ["", ""]),
    ],
    ids=[
        "plain text passes",
        "white space at the beginning is left out",
        "a letter of two tokens",
        "an emoji of two tokens",
        "an emoji cut off at the end is left out",
        "bytes that are no text",
        "a stop string over two tokens",
        "what only seemed to be a stop string",
        "what is no stop string at the end",
        "the stop string of another line",
        "a word that begins like one",
        "nothing but a stop string",
    ],
)
def test_pieces(tokens: list[bytes], pieces: list[str]) -> None:
    assert said(*tokens) == pieces


@given(
    text=st.text(alphabet="aé🙂<|im_end>Usr: ", max_size=40),
    cuts=st.lists(st.integers(0, 120), max_size=12),
)
def test_however_it_is_cut_the_same_is_said(text: str, cuts: list[int]) -> None:
    data = text.encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    tokens = [data[a:b] for a, b in pairwise(edges)]
    ends = [at for at in map(text.find, STOPS) if at >= 0]
    assert "".join(said(*tokens)) == text[: min(ends, default=len(text))].lstrip()


@given(st.text(alphabet="ab<|", max_size=20), st.lists(st.text(alphabet="ab<|", min_size=1)))
def test_unsure_is_the_longest_beginning_of_a_stop_string(text: str, stops: list[str]) -> None:
    lengths = [n for n in range(1, len(text) + 1) if any(s.startswith(text[-n:]) for s in stops)]
    assert unsure(text, stops) == max(lengths, default=0)
