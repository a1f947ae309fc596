"""Moonshine through sherpa-onnx: its cost follows the length of the utterance."""

from __future__ import annotations

from typing import Any

import sherpa_onnx

from edgevoice.backends import sherpa
from edgevoice.backends.model_files import find
from edgevoice.backends.protocols import Samples
from edgevoice.backends.utterance import is_speechless, most_tokens, padded, windows
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle

LONGEST_S = 12.0
"""More at once, and it leaves out sentences; less, and it lacks context."""

PADDING_S = 0.1
"""Silence before and after: cut tight, the first and the last word suffer.

``python -m bench.moonshine_windows`` compares lengths and paddings.
"""

OTHER_PADDING_S = 0.3
"""For a second try: another alignment of the same words seldom goes wrong in the same place."""


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take."""
    return bundle.memory_mb or 50 + 2.5 * bundle.size_mb


def load(bundle: Bundle, *, threads: int = 1) -> Moonshine:
    """Load the model.

    Raises:
        ModelError: a file is absent or damaged.

    """
    tokens = find(bundle, "tokens.txt")
    sherpa.check_tokens(tokens)
    encoder, decoder = find(bundle, "encoder*.o*"), find(bundle, "decoder*.o*")
    return Moonshine(
        sherpa.build(
            lambda: sherpa_onnx.OfflineRecognizer.from_moonshine_v2(
                encoder=str(encoder),
                decoder=str(decoder),
                tokens=str(tokens),
                num_threads=threads,
            ),
            bundle.name,
        )
    )


class Moonshine:
    """Fulfils ``Stt``."""

    def __init__(self, recognizer: Any) -> None:
        self._recognizer = recognizer

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
        """Return the words of ``window``, heard again when the first text repeats itself."""
        text, tokens = sherpa.decode_tokens(self._recognizer, padded(window, PADDING_S, PADDING_S))
        if tokens is not None and tokens > most_tokens(window):
            scope.check()
            text = sherpa.decode(self._recognizer, padded(window, OTHER_PADDING_S, OTHER_PADDING_S))
        # It writes notes for what it takes to be music.
        return text.strip("♪ ")
