"""Silero VAD, versions 5 and 6: voice activity from 2 MB, a hundred microseconds a frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgevoice.backends.model_files import find
from edgevoice.backends.onnx_session import open_session
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.core.bundle import Bundle
from edgevoice.errors import BackendFailed

FRAME_SAMPLES = 512
CONTEXT_SAMPLES = 64
"""The end of the previous frame goes before each frame: the model was trained so."""

STATE_SHAPE = (2, 1, 128)


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take."""
    return bundle.memory_mb or 5 * bundle.size_mb


def load(bundle: Bundle, *, threads: int = 1) -> Silero:
    """Load the model. It is too small for more than one thread, whatever ``threads`` says.

    Raises:
        ModelError: the file is absent, damaged, or another kind of model.

    """
    del threads
    return Silero(find(bundle, "*.onnx"))


class Silero:
    """Fulfils ``Vad``."""

    frame_samples = FRAME_SAMPLES

    def __init__(self, path: Path) -> None:
        self._session = open_session(path, threads=1, inputs=["input", "state", "sr"])
        # Made once: a frame comes every 32 ms for as long as the device is on.
        self._input = np.zeros((1, CONTEXT_SAMPLES + FRAME_SAMPLES), np.float32)
        self._state = np.zeros(STATE_SHAPE, np.float32)
        rate = np.array(EARS_RATE, np.int64)
        self._feeds = {"input": self._input, "state": self._state, "sr": rate}

    def probability(self, frame: Samples) -> float:
        """Return the probability (0 to 1) that ``frame``, next in the stream, is speech."""
        self._input[0, :CONTEXT_SAMPLES] = self._input[0, -CONTEXT_SAMPLES:]
        self._input[0, CONTEXT_SAMPLES:] = frame
        try:
            probability, state = self._session.run(None, self._feeds)
        except Exception as error:
            raise BackendFailed(f"Silero failed: {error}") from error
        self._state[:] = state
        return float(probability[0, 0])

    def reset(self) -> None:
        """Forget the stream so far."""
        self._input[:] = 0
        self._state[:] = 0
