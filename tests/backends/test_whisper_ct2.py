from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgevoice.backends.protocols import Samples
from edgevoice.backends.whisper_ct2 import WhisperCt2
from edgevoice.cancel import Cancelled, CancelScope
from edgevoice.errors import BackendFailed, ModelError
from tests.recordings import clip

TOKENS = {
    "<|startoftranscript|>": 1,
    "<|en|>": 2,
    "<|de|>": 3,
    "<|transcribe|>": 4,
    "<|notimestamps|>": 5,
}


class FakeTokenizer:
    def token_to_id(self, name: str) -> int | None:
        return TOKENS.get(name)

    def decode(self, tokens: list[int]) -> str:
        return " " + " ".join(map(str, tokens))


class FakeModel:
    """Gives ``results`` one after the other: tokens, their mean logprob, no-speech probability."""

    n_mels = 80

    def __init__(self, *results: tuple[list[int], float, float], multilingual: bool = False):
        self.is_multilingual = multilingual
        self.prompts: list[list[int]] = []
        self.frames: list[int] = []
        self._results = list(results)

    def encode(self, features: Any) -> str:
        self.frames.append(features.shape[2])
        return "heard"

    def detect_language(self, heard: str) -> list[list[tuple[str, float]]]:
        assert heard == "heard"
        return [[("<|de|>", 0.9), ("<|en|>", 0.1)]]

    def generate(self, heard: str, prompts: list[list[int]], **options: object) -> list[Any]:
        assert heard == "heard"
        self.prompts += prompts
        tokens, score, no_speech = self._results.pop(0)
        result = SimpleNamespace(sequences_ids=[tokens], scores=[score], no_speech_prob=no_speech)
        return [result]


def transcribe(model: FakeModel, language: str = "en", speech: Samples | None = None) -> str:
    whisper = WhisperCt2(model, FakeTokenizer(), language)  # type: ignore[arg-type]  # a stand-in
    return whisper.transcribe(clip("weasels") if speech is None else speech, CancelScope())


SURE = ([7, 8], -0.2, 0.0)


def test_an_english_model_is_told_no_language() -> None:
    model = FakeModel(SURE)
    assert transcribe(model) == "7 8"
    assert model.prompts == [[1, 5]]


@pytest.mark.parametrize(("language", "prompt"), [("en", [1, 2, 4, 5]), ("", [1, 3, 4, 5])])
def test_a_language_is_told_or_detected(language: str, prompt: list[int]) -> None:
    model = FakeModel(SURE, multilingual=True)
    transcribe(model, language)
    assert model.prompts == [prompt]


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ModelError, match="'xx'"):
        transcribe(FakeModel(multilingual=True), "xx")


def test_a_text_without_end_is_heard_again_with_all_the_silence() -> None:
    model = FakeModel(([7] * 100, -0.2, 0.0), SURE)
    assert transcribe(model) == "7 8"
    short, full = model.frames
    assert short < full == 3000


def test_a_text_that_is_improbable_in_what_sounds_like_silence_is_dropped() -> None:
    assert transcribe(FakeModel(([7, 8], -1.5, 0.9))) == ""
    assert transcribe(FakeModel(([7, 8], -1.5, 0.1))) == "7 8"
    assert transcribe(FakeModel(([7, 8], -0.5, 0.9))) == "7 8"


def test_each_piece_of_a_long_utterance_is_heard() -> None:
    model = FakeModel(([7], -0.2, 0.0), ([8], -0.2, 0.0))
    assert transcribe(model, speech=np.tile(clip("weasels"), 6)) == "7 8"


def test_the_librarys_error_is_a_failed_backend() -> None:
    with pytest.raises(BackendFailed, match="pop from empty list"):
        transcribe(FakeModel())


def test_cancelling_while_it_encodes_saves_the_decoding() -> None:
    scope = CancelScope()

    class CancelledMeanwhile(FakeModel):
        def encode(self, features: Any) -> str:
            scope.cancel()
            return "heard"

    model = CancelledMeanwhile(SURE)
    whisper = WhisperCt2(model, FakeTokenizer(), "en")  # type: ignore[arg-type]  # a stand-in
    with pytest.raises(Cancelled):
        whisper.transcribe(clip("weasels"), scope)
    assert model.prompts == []
