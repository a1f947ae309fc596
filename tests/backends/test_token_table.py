from __future__ import annotations

from pathlib import Path

import pytest

from edgevoice.backends.token_table import read_tokens, spelled
from edgevoice.errors import ModelDamaged


@pytest.mark.parametrize(
    "content", ["aGVsbG8=\t0\nIQ==\t1\n", "aGVsbG8= 0\r\nIQ== 1\r\n", "aGVsbG8\t0\nIQ\t1"]
)
def test_a_table_of_tokens_is_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokens.txt").write_text(content)
    assert read_tokens(tmp_path / "tokens.txt") == {0: b"hello", 1: b"!"}


def test_a_token_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "tokens.txt").write_text("\t7\n")
    assert read_tokens(tmp_path / "tokens.txt") == {7: b""}


@pytest.mark.parametrize(
    "content", ["", "aGVsbG8=\n", "hello world 1\n", "aGVsbG8=\tone\n", "\xff"]
)
def test_anything_else_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokens.txt").write_text(content, "latin-1")
    with pytest.raises(ModelDamaged, match=r"tokens\.txt"):
        read_tokens(tmp_path / "tokens.txt")


def test_words_are_spelled_with_spaces_and_cut_letters_are_left_out() -> None:
    assert spelled(["▁né".encode(), "▁caf".encode(), "é".encode()[:1]]) == "né caf"
