"""Silero VAD, through onnxruntime."""

from __future__ import annotations

import numpy as np

from edgevoice.backends.onnx_session import open_session
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.core.bundle import Bundle

CONTEXT_SAMPLES = 64
"""Samples of the frame before that the model sees again, at 16 kHz."""

MEMORY_MB = 20.0


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take."""
    return bundle.memory_mb or MEMORY_MB


def load(bundle: Bundle, *, threads: int = 1) -> Silero:
    """Load the model; ``threads`` is taken for one, as a frame is too little work for two."""
    del threads
    return Silero(bundle)


class Silero:
    """Fulfils ``Vad``. The state of the stream lives in arrays that are made once."""

    frame_samples = 512

    def __init__(self, bundle: Bundle) -> None:
        path = bundle.path("silero_vad.onnx")
        self._session = open_session(path, threads=1, inputs=["input", "state", "sr"])
        self._window = np.zeros((1, CONTEXT_SAMPLES + self.frame_samples), np.float32)
        self._rate = np.array(EARS_RATE, np.int64)
        self._state = np.zeros((2, 1, 128), np.float32)

    def probability(self, frame: Samples) -> float:
        """Return the probability (0 to 1) that ``frame``, next in the stream, is speech."""
        self._window[0, :CONTEXT_SAMPLES] = self._window[0, -CONTEXT_SAMPLES:]
        self._window[0, CONTEXT_SAMPLES:] = frame
        feeds = {"input": self._window, "state": self._state, "sr": self._rate}
        output, self._state = self._session.run(None, feeds)
        return float(output[0, 0])

    def reset(self) -> None:
        """Forget the stream so far."""
        self._window[:] = 0
        self._state = np.zeros_like(self._state)
