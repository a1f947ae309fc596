from __future__ import annotations

import base64

import pytest

from edgevoice.errors import ModelError
from edgevoice_export import token_table

TOKENIZER = {
    "model": {"byte_fallback": True, "vocab": {"<unk>": 0, "▁a": 3, "<0x0A>": 2, "<s>": 1}},
    "added_tokens": [{"id": 1, "content": "<s>"}, {"id": 4, "content": "<<ST_0>>"}],
}


def test_each_token_is_the_bytes_that_it_stands_for() -> None:
    rows = [line.split("\t") for line in token_table.lines(TOKENIZER).splitlines()]
    assert [int(number) for _, number in rows] == [0, 1, 2, 3, 4]
    words = [base64.b64decode(word) for word, _ in rows]
    assert words == [b"<unk>", b"<s>", b"\n", "▁a".encode(), b"<<ST_0>>"]


def test_a_tokenizer_of_another_kind_is_refused() -> None:
    with pytest.raises(ModelError, match="byte fallback"):
        token_table.lines({"model": {"vocab": {}}})
