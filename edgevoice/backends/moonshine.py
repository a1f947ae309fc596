"""Moonshine speech-to-text, through sherpa-onnx."""

from __future__ import annotations

import numpy as np
import sherpa_onnx

from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.errors import BackendFailed

SHORTEST_S = 0.1
"""Less than this holds no word."""

QUIET = 0.001
"""Loudest sample under which a recording is silence: -60 dB of full scale."""


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take."""
    return bundle.memory_mb or 2.2 * bundle.size_mb


def load(bundle: Bundle, *, threads: int = 1) -> Moonshine:
    """Load the model."""
    return Moonshine(bundle, threads)


class Moonshine:
    """Fulfils ``Stt``."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        self._recognizer = sherpa_onnx.OfflineRecognizer.from_moonshine_v2(
            encoder=str(bundle.path("encoder_model.ort")),
            decoder=str(bundle.path("decoder_model_merged.ort")),
            tokens=str(bundle.path("tokens.txt")),
            num_threads=threads,
        )

    def transcribe(self, utterance: Samples, scope: CancelScope) -> str:
        """Return the words of ``utterance`` (16 kHz), "" when there are none."""
        scope.check()
        if len(utterance) < SHORTEST_S * EARS_RATE or np.abs(utterance).max() < QUIET:
            return ""
        try:
            stream = self._recognizer.create_stream()
            stream.accept_waveform(EARS_RATE, utterance)
            self._recognizer.decode_stream(stream)
        except RuntimeError as error:
            raise BackendFailed(f"Moonshine failed: {error}") from error
        scope.check()
        return str(stream.result.text).strip()
