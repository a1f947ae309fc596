"""microWakeWord's own models, on sound that is not the word, and on files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgevoice.backends.micro_wake import load, words
from edgevoice.errors import ModelDamaged, ModelError
from edgevoice.runtime.wav import read_wav

DATA = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize("word", ["okay_nabu", "hey_jarvis", "alexa", "hey_mycroft"])
def test_other_words_and_noise_are_not_the_word(word: str) -> None:
    wake = load(word)
    assert wake.phrase
    speech, _ = read_wav(DATA / "which-folder.wav")
    noise = np.random.default_rng(0).normal(0, 0.3, 32_000).astype(np.float32)
    for sound in (speech, noise, np.ones(8_000, np.float32), np.zeros(8_000, np.float32)):
        assert not any(wake.heard(sound[at : at + 512]) for at in range(0, len(sound), 512))
    wake.reset()


def test_an_unknown_word_names_those_there_are() -> None:
    with pytest.raises(ModelError) as refused:
        load("hey_you")
    assert all(word in str(refused.value) for word in words())


@pytest.mark.parametrize("content", ["", "{}", '{"micro": 3}', "\x00\x01"])
def test_a_file_that_is_no_wake_word(tmp_path: Path, content: str) -> None:
    config = tmp_path / "word.json"
    config.write_text(content)
    with pytest.raises(ModelDamaged, match=r"word\.json"):
        load(str(config))
