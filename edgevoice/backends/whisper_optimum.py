"""Whisper as the ONNX graphs that Hugging Face's optimum writes, through ONNX Runtime.

The encoder takes 30 s whatever the utterance's length, so this is the slowest of the Whisper
engines; it runs what others have exported already.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from edgevoice.backends import whisper
from edgevoice.backends.mel import log_mel
from edgevoice.backends.merged_decoder import INPUTS, Floats, MergedDecoder
from edgevoice.backends.model_files import find
from edgevoice.backends.onnx_session import open_session
from edgevoice.backends.protocols import Samples
from edgevoice.backends.utterance import is_speechless, most_tokens, windows
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.errors import BackendFailed, ModelDamaged, ModelError

FRAMES = 3000
"""The 30 s of 10 ms frames that the encoder takes."""

LONGEST_S = 28.0
"""Per window; the rest of the 30 s is silence, by which the decoder sees the end."""


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take."""
    return bundle.memory_mb or 100 + 1.8 * bundle.size_mb


def load(bundle: Bundle, *, threads: int = 1) -> WhisperOptimum:
    """Load the model.

    Raises:
        ModelError: a file is absent or damaged, or the model does not know the language.

    """
    tokenizer_file = find(bundle, "tokenizer.json")
    try:
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
    except Exception as error:
        raise ModelDamaged(f"{tokenizer_file} cannot be read: {error}") from error
    return WhisperOptimum(
        open_session(
            find(bundle, "encoder_model.onnx"), threads=threads, inputs={"input_features"}
        ),
        open_session(find(bundle, "decoder_model_merged.onnx"), threads=threads, inputs=INPUTS),
        WhisperVocabulary(tokenizer, find(bundle, "generation_config.json")),
        whisper.language(bundle),
    )


class WhisperVocabulary:
    """Tokens and the rules for their use."""

    def __init__(self, tokenizer: Tokenizer, generation: Path) -> None:
        """Read the rules from generation_config.json."""
        try:
            rules = json.loads(generation.read_text("utf-8"))
            self.suppressed: list[int] = list(rules.get("suppress_tokens") or ())
            self.suppressed_at_first: list[int] = list(rules.get("begin_suppress_tokens") or ())
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise ModelDamaged(f"{generation} cannot be read: {error}") from error
        self._tokenizer = tokenizer
        self.end = self.token("endoftext")
        first, last = self.token("startoftranscript") + 1, self.token("translate")
        self.languages = list(range(first, last))
        self.multilingual = bool(rules.get("is_multilingual", len(self.languages) > 1))

    def token(self, name: str) -> int:
        """Return the number of ``<|name|>``; raise ``ModelError`` when there is none."""
        number = self._tokenizer.token_to_id(f"<|{name}|>")
        if number is None:
            raise ModelError(f"The Whisper model has no token for {name!r}.")
        return int(number)

    def text(self, tokens: list[int]) -> str:
        """Return what ``tokens`` say."""
        words: str = self._tokenizer.decode(tokens)
        return words.strip()


class WhisperOptimum:
    """Fulfils ``Stt``."""

    def __init__(
        self, encoder: Any, decoder: Any, vocabulary: WhisperVocabulary, language: str
    ) -> None:
        """Take the code of the language that will be spoken, "" to detect it each time."""
        self._encoder, self._vocabulary = encoder, vocabulary
        self._decoder = MergedDecoder(decoder)
        self._bands = int(encoder.get_inputs()[0].shape[1])
        self._start = [vocabulary.token("startoftranscript")]
        self._task = [vocabulary.token("notimestamps")]
        self._language: list[int] = []
        if vocabulary.multilingual:
            self._task.insert(0, vocabulary.token("transcribe"))
            self._language = [vocabulary.token(language)] if language else []

    def transcribe(self, utterance: Samples, scope: CancelScope) -> str:
        """Return the words of ``utterance`` (16 kHz), "" when there are none.

        Raises:
            Cancelled: ``scope`` was cancelled.
            BackendFailed: the native library reported an error.

        """
        texts = []
        for window in windows(utterance, LONGEST_S):
            scope.check()
            if not is_speechless(window):
                texts.append(self._hear(window, scope))
        scope.check()
        return " ".join(filter(None, texts))

    def _hear(self, window: Samples, scope: CancelScope) -> str:
        speech = log_mel(window, self._bands)[:, :FRAMES]
        silence = ((0, 0), (0, FRAMES - speech.shape[1]))
        features = np.pad(speech, silence, constant_values=speech.min())
        most = most_tokens(window)
        try:
            heard = self._encoder.run(None, {"input_features": features[None]})[0]
            scope.check()
            return self._vocabulary.text(self._decode(heard, most, scope))
        except Exception as error:
            raise BackendFailed(f"ONNX Runtime failed: {error}") from error

    def _decode(self, heard: Floats, most: int, scope: CancelScope) -> list[int]:
        language = self._language or self._detect(heard)
        vocabulary = self._vocabulary
        said: list[int] = []
        fed = [*self._start, *language, *self._task]
        self._decoder.start(heard)
        while len(said) < most:
            scope.check()
            logits = self._decoder.feed(fed)[-1]
            logits[vocabulary.suppressed] = -np.inf
            if not said:
                logits[vocabulary.suppressed_at_first] = -np.inf
            fed = [int(logits.argmax())]
            if fed[0] == vocabulary.end:
                break
            said += fed
        return said

    def _detect(self, heard: Floats) -> list[int]:
        if not self._vocabulary.multilingual:
            return []
        self._decoder.start(heard)
        logits = self._decoder.feed(self._start)[-1]
        languages = self._vocabulary.languages
        return [languages[int(logits[languages].argmax())]]
