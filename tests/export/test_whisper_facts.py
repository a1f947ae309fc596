from __future__ import annotations

import base64
from typing import Any, cast

import pytest

from edgevoice.backends.whisper_onnx import REQUIRED, REQUIRED_OF_MULTILINGUAL
from edgevoice.errors import ModelError
from edgevoice_export.whisper_facts import (
    MULTILINGUAL_VOCABULARY,
    WhisperSizes,
    WhisperTokens,
    byte_level_alphabet,
    metadata,
)
from tests.export.checkpoints import END, SPECIAL, whisper_tokenizer

CONFIG = {
    "num_mel_bins": 80,
    "d_model": 16,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_layers": 3,
    "decoder_attention_heads": 4,
    "vocab_size": 300,
    "max_source_positions": 1500,
    "max_target_positions": 448,
}


def tokens(*languages: str) -> WhisperTokens:
    """Return Whisper's special tokens around these languages."""
    start, end = list(SPECIAL[:2]), list(SPECIAL[3:])
    words = [*start, *(f"<|{code}|>" for code in languages), *end]
    tokenizer = cast(dict[str, Any], whisper_tokenizer())
    tokenizer["added_tokens"] = [{"content": w, "id": END + i} for i, w in enumerate(words)]
    return WhisperTokens(tokenizer)


def test_every_byte_has_its_letter() -> None:
    assert sorted(byte_level_alphabet().values()) == list(range(256))
    assert byte_level_alphabet()["Ġ"] == ord(" ")
    assert byte_level_alphabet()["Ċ"] == ord("\n")


def test_tokens_are_written_as_the_bytes_that_they_stand_for() -> None:
    lines = tokens("en").lines().splitlines()
    assert len(lines) == 256  # and no special ones: sherpa-onnx would say them
    decoded = {int(number): base64.b64decode(word) for word, number in map(str.split, lines)}
    assert decoded == {number: bytes([number]) for number in range(256)}


def test_languages_are_what_lies_between_the_start_and_the_tasks() -> None:
    assert list(tokens("de", "en", "haw").languages) == ["de", "en", "haw"]


def test_a_multilingual_model_is_asked_to_transcribe_english() -> None:
    several = tokens("de", "en")
    assert several.prompt == [END + 1, several.languages["en"], several.special("transcribe")]
    assert tokens("en").prompt == [END + 1]


def test_an_older_tokenizer_calls_silence_by_another_name() -> None:
    tokenizer = cast(dict[str, Any], whisper_tokenizer())
    for word in tokenizer["added_tokens"]:
        word["content"] = word["content"].replace("nospeech", "nocaptions")
    assert WhisperTokens(tokenizer).silent == tokens("en").silent


def test_another_models_tokenizer_is_refused() -> None:
    with pytest.raises(ModelError, match="not Whisper's"):
        WhisperTokens({"model": {"vocab": {}}, "added_tokens": []}).special("translate")


def test_suppressed_tokens_beyond_the_vocabulary_are_left_out() -> None:
    sizes = WhisperSizes.of(CONFIG, {"suppress_tokens": [-1, 5, 300], "begin_suppress_tokens": [7]})
    assert (sizes.suppressed, sizes.suppressed_at_first) == ((5,), (7,))
    assert WhisperSizes.of(CONFIG, {"suppress_tokens": None}).suppressed == ()


@pytest.mark.parametrize("vocabulary", [300, MULTILINGUAL_VOCABULARY])
def test_all_that_sherpa_onnx_asks_for_is_said(vocabulary: int) -> None:
    sizes = WhisperSizes.of(CONFIG | {"vocab_size": vocabulary}, {})
    said = metadata(sizes, tokens("en", "de"))
    assert said.keys() >= REQUIRED | REQUIRED_OF_MULTILINGUAL
    assert all(str(value) for value in said.values())
    assert said["is_multilingual"] == int(vocabulary != 300)
    assert len(str(said["sot_sequence"]).split(",")) == (1 if vocabulary == 300 else 3)
