"""What voices whose models read phonemes have in common: all but the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort

from edgevoice.backends.phonemes import EnglishPhonemes, pieces
from edgevoice.backends.protocols import Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.pauses import pause_after
from edgevoice.core.spoken_text import speakable
from edgevoice.errors import BackendFailed

SILENCE = 0.01
"""Below this part of the peak (-40 dB) is silence. The weakest consonants, f and th, lie some
30 dB below the loudest vowels."""

ONSET_S = 0.02
RELEASE_S = 0.03
"""Kept of the silence before and after speech: together the shortest pause between clauses."""

_UNKNOWN_WORD = "edgevoicily"
"""In no dictionary: it loads the model that guesses how such words are said."""

FADE_S = 0.005
"""Over this the sound rises from nothing and falls to it, so that a cut does not click."""


class PhonemeModel(Protocol):
    """A model that turns phonemes in misaki's alphabet into sound."""

    sample_rate: int
    longest: int
    """Most phonemes that ``render`` takes; bounds its time and its memory."""

    def render(self, phonemes: str, run: ort.RunOptions) -> Samples:
        """Return the sound of ``phonemes``, whose native calls take ``run``."""
        ...


class PhonemeVoice:
    """A ``Tts``: one piece of audio a sentence, each with the pause that is due after it."""

    def __init__(self, model: PhonemeModel) -> None:
        """Load the dictionaries, and speak once: the first call of a model is slow."""
        self.sample_rate = model.sample_rate
        self._model = model
        self._english = EnglishPhonemes()
        for _ in self.synthesize(f"Ready? {_UNKNOWN_WORD}.", CancelScope()):
            pass

    def synthesize(self, text: str, scope: CancelScope) -> Iterator[Samples]:
        """Yield the audio of ``text`` sentence by sentence; nothing if it has no words.

        A native call under way is stopped when ``scope`` is cancelled.

        Raises:
            Cancelled: ``scope`` was cancelled; audio already yielded stays valid.
            BackendFailed: the model reported an error.

        """
        scope.check()
        run = ort.RunOptions()
        scope.on_cancel(lambda: _stop(run))
        try:
            for piece in pieces(self._english(speakable(text)), self._model.longest):
                scope.check()
                if any(c.isalpha() for c in piece):
                    sound = self._model.render(piece, run)
                    yield trimmed(sound, self.sample_rate, pause_after(piece))
        except Exception as error:
            scope.check()
            raise BackendFailed(f"The voice failed: {error}") from error


def trimmed(sound: Samples, rate: int, pause_s: float) -> Samples:
    """Return ``sound`` without the silence around it, and with what makes up a pause after it.

    The pause is counted from the end of this sound to the beginning of the next.
    """
    peak = np.abs(sound).max(initial=0.0)
    if not np.isfinite(peak):
        raise ValueError("the sound is not a number")
    loud = np.flatnonzero(np.abs(sound) > SILENCE * peak)
    if not len(loud):
        return sound[:0]
    start = max(0, loud[0] - round(ONSET_S * rate))
    end = min(len(sound), loud[-1] + round(RELEASE_S * rate))
    speech = np.clip(sound[start:end], -1.0, 1.0)
    ramp = np.linspace(0.0, 1.0, min(int(FADE_S * rate), len(speech)), dtype=np.float32)
    speech[: len(ramp)] *= ramp
    speech[-len(ramp) :] *= ramp[::-1]
    rest = loud[-1] + round((pause_s - ONSET_S) * rate) - end
    return np.concatenate([speech, np.zeros(rest, np.float32)])


def _stop(run: Any) -> None:
    run.terminate = True
