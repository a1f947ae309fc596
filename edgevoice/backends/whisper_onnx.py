"""Whisper as ONNX graphs, through sherpa-onnx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import sherpa_onnx

from edgevoice.backends import sherpa, whisper
from edgevoice.backends.mel import HOP_SAMPLES
from edgevoice.backends.model_files import find
from edgevoice.backends.onnx_metadata import read_metadata
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.backends.token_table import read_tokens
from edgevoice.backends.utterance import is_speechless, windows
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.errors import ModelDamaged, ModelError

TOKENS_PER_S = 6
"""sherpa-onnx stops after so many (its ``offline-whisper-greedy-search-decoder.cc``)."""

REQUIRED = {
    *("n_mels", "n_text_layer", "n_text_ctx", "n_text_state", "n_vocab", "sot", "eot"),
    *("blank_id", "translate", "transcribe", "is_multilingual", "no_timestamps", "no_speech"),
    "sot_sequence",
}
REQUIRED_OF_MULTILINGUAL = {"all_language_tokens", "all_language_codes"}
"""Metadata of the encoder without which sherpa-onnx ends the whole process
(its ``offline-whisper-model.cc``)."""


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take."""
    return bundle.memory_mb or 100 + 1.5 * bundle.size_mb


def load(bundle: Bundle, *, threads: int = 1) -> WhisperOnnx:
    """Load the model.

    Raises:
        ModelError: a file is absent or damaged, or the model does not know the language.

    """
    encoder, decoder = find(bundle, "*encoder*.onnx"), find(bundle, "*decoder*.onnx")
    tokens = find(bundle, "*tokens.txt")
    language, tail_frames = whisper.language(bundle), _tail_frames(bundle)
    read_tokens(tokens)  # sherpa-onnx ends the whole process over a line that it cannot read
    _check_metadata(encoder, language)
    return WhisperOnnx(
        sherpa.build(
            lambda: sherpa_onnx.OfflineRecognizer.from_whisper(
                encoder=str(encoder),
                decoder=str(decoder),
                tokens=str(tokens),
                language=language,
                num_threads=threads,
                tail_paddings=tail_frames,
            ),
            bundle.name,
        ),
        tail_frames,
    )


class WhisperOnnx:
    """Fulfils ``Stt``."""

    def __init__(self, recognizer: Any, tail_frames: int) -> None:
        """Take how much silence ``recognizer`` appends."""
        self._recognizer = recognizer
        missing = max(0, whisper.TAIL_FRAMES - tail_frames)
        self._more_silence = np.zeros(missing * HOP_SAMPLES, np.float32)

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
        """Return the words of ``window``; where they do not end, hear it with more silence.

        A text that only the limit ended is one that the model began to repeat.
        """
        text, tokens = sherpa.decode_tokens(self._recognizer, window)
        limit = int(TOKENS_PER_S * len(window) / EARS_RATE)
        ended = tokens is not None and tokens < limit - 1
        if ended or not len(self._more_silence):
            return text
        scope.check()
        return sherpa.decode(self._recognizer, np.concatenate([window, self._more_silence]))


def _tail_frames(bundle: Bundle) -> int:
    """Return the option ``tail_frames``: a model exported for short windows needs less silence."""
    told = bundle.options.get("tail_frames", str(whisper.TAIL_FRAMES))
    if not told.isdecimal() or int(told) == 0:
        raise ModelError(f"{bundle.name}: tail_frames is a number of 10 ms, not {told!r}.")
    return int(told)


def _check_metadata(encoder: Path, language: str) -> None:
    metadata = read_metadata(encoder)
    multilingual = metadata.get("is_multilingual") == "1"
    required = REQUIRED | (REQUIRED_OF_MULTILINGUAL if multilingual else set())
    if missing := sorted(required - {key for key, value in metadata.items() if value}):
        raise ModelDamaged(f"{encoder} does not say its {', '.join(missing)}.")
    if not multilingual:
        return
    known = metadata["all_language_codes"].split(",")
    if len(known) != len(metadata["all_language_tokens"].split(",")):
        raise ModelDamaged(f"{encoder} does not say one token for each language.")
    if language and language not in known:
        raise ModelError(f"{encoder} does not know the language {language!r}.")
