import base64
from collections.abc import Callable
from pathlib import Path

import llama_cpp
import pytest

from edgevoice.core.bundle import Bundle
from edgevoice.errors import BackendFailed, ModelDamaged
from edgevoice.runtime.bundles import catalogue
from edgevoice.runtime.bundles.catalogue import Preparation
from edgevoice.runtime.bundles.prepare import moonshine_tokens, prepare

TOKENS = [b"<unk>", b"", b"\x00", "▁the".encode(), b"a" * 127, b"b" * 128, b"c" * 1000, b"end"]


def packed(tokens: list[bytes]) -> bytes:
    """Write tokens as Moonshine does: the length in one byte, or in two from 128 on."""
    lengths = [
        bytes([len(t)]) if len(t) < 128 else bytes([len(t) % 128 + 128, len(t) // 128])
        for t in tokens
    ]
    return b"".join(length + token for length, token in zip(lengths, tokens, strict=True))


def test_moonshine_tokens_of_all_lengths() -> None:
    assert list(moonshine_tokens(packed(TOKENS))) == TOKENS


@pytest.mark.parametrize("cut", range(1, 5))
def test_tokens_that_end_in_the_middle_are_damaged(cut: int) -> None:
    with pytest.raises(ModelDamaged, match="in the middle"):
        list(moonshine_tokens(packed([b"before", b"token"])[:-cut]))


def test_a_token_file_has_a_line_for_each_id(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.bin").write_bytes(packed(TOKENS))
    prepare(Preparation("moonshine-tokens", "tokenizer.bin", "tokens.txt", 0), tmp_path)
    lines = [line.split("\t") for line in (tmp_path / "tokens.txt").read_text().splitlines()]
    assert [int(number) for _, number in lines] == list(range(len(TOKENS)))
    assert [base64.b64decode(text) for text, _ in lines] == TOKENS


def test_a_file_that_llama_cpp_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "in.gguf").write_bytes(b"no model at all")
    step = Preparation("requantize", "in.gguf", "out.gguf", 0, {"type": "Q8_0"})
    with pytest.raises(BackendFailed, match=r"could not make out\.gguf"):
        prepare(step, tmp_path)
    assert not (tmp_path / "out.gguf").exists()


@pytest.mark.models
def test_smollm2_is_requantized_as_the_catalogue_says(bundle: Callable[[str], Bundle]) -> None:
    """The header has the type as a number, after a key and the type of that number."""
    (step,) = catalogue.find("smollm2-135m").prepare
    with bundle("smollm2-135m").path(step.target).open("rb") as stream:
        head = stream.read(8_000_000)
    at = head.index(b"general.file_type") + len(b"general.file_type") + 4
    wanted = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{step.options['type']}")
    assert int.from_bytes(head[at : at + 4], "little") == wanted


@pytest.mark.models
def test_moonshine_has_its_whole_vocabulary(bundle: Callable[[str], Bundle]) -> None:
    lines = bundle("moonshine-tiny-en").path("tokens.txt").read_text().splitlines()
    assert len(lines) == 32_768
    assert base64.b64decode(lines[2].partition("\t")[0]) == b"</s>"
