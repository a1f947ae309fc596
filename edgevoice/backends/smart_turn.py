"""Smart Turn 3: hears, from the last eight seconds, whether a speaker is done."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgevoice.backends.mel import log_mel
from edgevoice.backends.model_files import find
from edgevoice.backends.onnx_session import open_session
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.core.bundle import Bundle
from edgevoice.errors import BackendFailed

WINDOW_SAMPLES = 8 * EARS_RATE

VARIANCE_FLOOR = 1e-7
"""Of the normalized samples, as in the feature extractor that the model was trained with."""


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take."""
    return bundle.memory_mb or 6 * bundle.size_mb


def load(bundle: Bundle, *, threads: int = 1) -> SmartTurn:
    """Load the model.

    Raises:
        ModelError: the file is absent, damaged, or another kind of model.

    """
    return SmartTurn(find(bundle, "*.onnx"), threads)


class SmartTurn:
    """Fulfils ``TurnEnd``."""

    def __init__(self, path: Path, threads: int) -> None:
        self._session = open_session(path, threads=threads, inputs=["input_features"])

    def probability(self, utterance: Samples) -> float:
        """Return the probability (0 to 1) that the speaker of ``utterance`` (16 kHz) is done.

        Only the last eight seconds count; the silence at the end belongs to the evidence.
        """
        heard = utterance[-WINDOW_SAMPLES:]
        # Silence goes before a short utterance: the model expects the end at the end.
        window = np.pad(heard, (WINDOW_SAMPLES - len(heard), 0))
        normal = (window - window.mean()) / np.sqrt(window.var() + VARIANCE_FLOOR)
        try:
            (probability,) = self._session.run(None, {"input_features": log_mel(normal)[None]})
        except Exception as error:
            raise BackendFailed(f"Smart Turn failed: {error}") from error
        return float(probability[0, 0])
