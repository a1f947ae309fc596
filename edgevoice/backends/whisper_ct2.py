"""Whisper through CTranslate2: multiplied in int8, unless the bundle says otherwise."""

from __future__ import annotations

from typing import Any

import ctranslate2
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from edgevoice.backends import whisper
from edgevoice.backends.mel import HOP_SAMPLES, log_mel
from edgevoice.backends.model_files import find
from edgevoice.backends.protocols import Samples
from edgevoice.backends.utterance import is_speechless, most_tokens, windows
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.errors import BackendFailed, ModelDamaged, ModelError

FULL_FRAMES = 3000
"""The 30 s that Whisper was trained on."""

UNSURE_LOGPROB = -1.0
NO_SPEECH = 0.6
"""A text is dropped when its tokens are as improbable as this on average, and the model gives
silence this probability: both from OpenAI's ``whisper/transcribe.py``."""


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take."""
    return bundle.memory_mb or 80 + 1.5 * bundle.size_mb


def load(bundle: Bundle, *, threads: int = 1) -> WhisperCt2:
    """Load the model.

    Raises:
        ModelError: a file is absent or damaged, or the model does not know the language.

    """
    model_file, tokenizer_file = find(bundle, "model.bin"), find(bundle, "tokenizer.json")
    find(bundle, "config.json")  # without it the model loads, and fails later
    compute_type = bundle.options.get("compute_type", "int8")
    try:
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
        model = ctranslate2.models.Whisper(
            str(model_file.parent), compute_type=compute_type, intra_threads=threads
        )
    except Exception as error:
        raise ModelDamaged(
            f"{bundle.name} cannot be read as a model: {error}",
            hint=f"edgevoice pull {bundle.name}",
        ) from error
    return WhisperCt2(model, tokenizer, whisper.language(bundle))


class WhisperCt2:
    """Fulfils ``Stt``."""

    def __init__(self, model: Any, tokenizer: Tokenizer, language: str) -> None:
        """Take the code of the language that will be spoken, "" to detect it each time."""
        self._model = model
        self._tokenizer = tokenizer
        self._start = [_token(tokenizer, "startoftranscript")]
        self._task = [_token(tokenizer, "notimestamps")]
        self._language: list[int] = []
        if model.is_multilingual:
            self._task.insert(0, _token(tokenizer, "transcribe"))
            self._language = [_token(tokenizer, language)] if language else []

    def transcribe(self, utterance: Samples, scope: CancelScope) -> str:
        """Return the words of ``utterance`` (16 kHz), "" when there are none.

        Raises:
            Cancelled: ``scope`` was cancelled.
            BackendFailed: the native library reported an error.

        """
        texts = []
        for window in windows(utterance, whisper.LONGEST_S):
            scope.check()
            if not is_speechless(window):
                texts.append(self._hear(window, scope))
        scope.check()
        return " ".join(filter(None, texts))

    def _hear(self, window: Samples, scope: CancelScope) -> str:
        most = most_tokens(window)
        for tail_frames in (whisper.TAIL_FRAMES, FULL_FRAMES):
            features = _features(window, self._model.n_mels, tail_frames)
            try:
                result = self._decode(features, most, scope)
            except Exception as error:
                raise BackendFailed(f"CTranslate2 failed: {error}") from error
            tokens = result.sequences_ids[0]
            if len(tokens) < most:
                break
        if result.scores[0] < UNSURE_LOGPROB and result.no_speech_prob > NO_SPEECH:
            return ""
        text: str = self._tokenizer.decode(tokens)
        return text.strip()

    def _decode(self, features: NDArray[np.float32], most: int, scope: CancelScope) -> Any:
        heard = self._model.encode(ctranslate2.StorageView.from_array(features[None]))
        scope.check()
        language = self._language
        if self._model.is_multilingual and not language:
            language = [self._detect(heard)]
        (result,) = self._model.generate(
            heard,
            [[*self._start, *language, *self._task]],
            beam_size=1,
            max_length=2 * most,  # the library halves it
            return_scores=True,
            return_no_speech_prob=True,
        )
        return result

    def _detect(self, heard: Any) -> int:
        """Return the token of the language that is likeliest in what the encoder heard."""
        ((likeliest, *_),) = self._model.detect_language(heard)
        name: str = likeliest[0]
        return _token(self._tokenizer, name.strip("<|>"))


def _token(tokenizer: Tokenizer, name: str) -> int:
    number = tokenizer.token_to_id(f"<|{name}|>")
    if number is None:
        raise ModelError(f"The Whisper model has no token for {name!r}.")
    return number


def _features(window: Samples, bands: int, tail_frames: int) -> NDArray[np.float32]:
    """Return the spectrogram of ``window`` with ``tail_frames`` of silence, 30 s at most."""
    # The encoder takes frames two by two.
    speech = log_mel(np.pad(window, (0, -len(window) % (2 * HOP_SAMPLES))), bands)
    tail = min(tail_frames, FULL_FRAMES - speech.shape[1])
    return np.pad(speech, ((0, 0), (0, tail)), constant_values=speech.min())
