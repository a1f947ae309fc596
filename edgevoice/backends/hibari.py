"""Hibari voices: 8 MB each, English, far faster than real time on one core."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from hibari import dsp
from hibari.tts import ASSETS

from edgevoice.backends.onnx_session import open_session
from edgevoice.backends.phonemes_voice import PhonemeVoice
from edgevoice.backends.protocols import Samples, Tts
from edgevoice.core.bundle import Bundle
from edgevoice.errors import ModelError

MEMORY_MB = 120.0
"""With the dictionaries, after a sentence of 25 words; all these voices have the same shape."""


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take."""
    return bundle.memory_mb or MEMORY_MB


def load(bundle: Bundle, *, threads: int = 1) -> Tts:
    """Load a voice and the English dictionaries; takes about a second.

    Raises:
        ModelError: the file is damaged, or holds another kind of model.

    """
    models = [file.name for file in bundle.files if file.name.endswith(".onnx")]
    if len(models) != 1:
        raise ModelError(f"{bundle.name} is not one .onnx file.")
    return PhonemeVoice(Hibari(bundle.path(models[0]), threads))


class Hibari:
    """A ``PhonemeModel``. The same phonemes give the same sound.

    The package's own class of this name is left aside: it fetches voices from the network,
    and what it has begun cannot be stopped.
    """

    sample_rate = dsp.SR
    longest = 150

    def __init__(self, path: Path, threads: int) -> None:
        self._session = open_session(path, threads=threads, inputs=["ids", "speed"])
        self._ids: dict[str, int] = json.loads(Path(ASSETS, "vocab.json").read_text("utf-8"))
        self._speed = np.ones(1, np.float32)

    def render(self, phonemes: str, run: ort.RunOptions) -> Samples:
        """Return the sound of ``phonemes``; those unknown to the voice are left out."""
        ids = [0, *(self._ids[c] for c in phonemes if c in self._ids), 0]
        feeds = {"ids": np.array([ids], np.int64), "speed": self._speed}
        spectra: list[Any] = self._session.run(None, feeds, run)
        sound: Samples = dsp.synth(*(part[0] for part in spectra), np.random.default_rng(0))
        return sound
