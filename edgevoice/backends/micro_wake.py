"""Wake words by microWakeWord: 60 KB each, for which a frame costs a tenth of a millisecond."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, microwakeword

from edgevoice.backends.protocols import Samples
from edgevoice.errors import ModelDamaged, ModelError

BUILT_IN = Path(microwakeword.__file__).parent / "models"


def words() -> list[str]:
    """Return the wake words that the package brings."""
    return sorted(config.stem for config in BUILT_IN.glob("*.json"))


def load(word: str) -> MicroWake:
    """Load a wake word that the package brings, or the one in a microWakeWord ``.json`` file.

    Raises:
        ModelError: there is no such word.
        ModelDamaged: its file is none.

    """
    config = Path(word) if word.endswith(".json") else BUILT_IN / f"{word}.json"
    if not config.is_file():
        raise ModelError(f"There is no wake word {word!r}.", hint=" or ".join(words()))
    try:
        return MicroWake(config)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise ModelDamaged(f"{config} cannot be read as a wake word: {error!r}") from error


class MicroWake:
    """Fulfils ``Wake``."""

    def __init__(self, config: Path) -> None:
        self._model = MicroWakeWord.from_config(config)
        self._features = MicroWakeWordFeatures()
        self.phrase: str = self._model.wake_word

    def heard(self, frame: Samples) -> bool:
        """Tell whether the word ends in ``frame`` (16 kHz), next in the stream."""
        pcm = np.clip(frame * 32768.0, -32768, 32767).astype("<i2").tobytes()
        found = [self._model.process_streaming(f) for f in self._features.process_streaming(pcm)]
        return any(found)

    def reset(self) -> None:
        """Forget the stream so far."""
        self._features.reset()
        self._model.reset()
