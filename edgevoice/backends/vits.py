"""VITS voices that read letters, such as Meta's MMS-TTS in a thousand languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from edgevoice.backends.model_files import find
from edgevoice.backends.onnx_metadata import read_metadata
from edgevoice.backends.onnx_session import open_session
from edgevoice.backends.phonemes import pieces
from edgevoice.backends.phonemes_voice import trimmed
from edgevoice.backends.protocols import Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.core.pauses import pause_after
from edgevoice.core.spoken_text import speakable
from edgevoice.errors import BackendFailed, ModelDamaged

LONGEST = 200
"""Letters at once; bounds the time and the memory that one native call takes."""

SCALES = {"noise_scale": 0.667, "length_scale": 1.0, "noise_scale_w": 0.8}
"""Of the sound's noise, its length, and the noise of the lengths: what the voices were published
with. Options of the bundle by the same names count before these."""


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take."""
    return bundle.memory_mb or 80 + 2.0 * bundle.size_mb


def load(bundle: Bundle, *, threads: int = 1) -> Vits:
    """Load a voice.

    Raises:
        ModelError: a file is absent, damaged, or holds another kind of model.

    """
    model, table = find(bundle, "*.onnx"), find(bundle, "tokens.txt")
    said = read_metadata(model)
    try:
        rate, blank = int(said["sample_rate"]), int(said["add_blank"])
        scales = {name: float(bundle.options.get(name, usual)) for name, usual in SCALES.items()}
    except (KeyError, ValueError) as error:
        raise ModelDamaged(f"{model} does not say what a VITS voice must: {error}") from error
    session = open_session(model, threads=threads, inputs=["x", "x_length", *SCALES])
    return Vits(session, read_letters(table), rate, scales, spaced=bool(blank))


class Vits:
    """Fulfils ``Tts``. Its sound differs a little each time: the model adds noise of its own."""

    def __init__(
        self,
        session: Any,
        letters: dict[str, int],
        sample_rate: int,
        scales: dict[str, float],
        *,
        spaced: bool,
    ) -> None:
        """Take what numbers the letters have, and whether blanks stand between them."""
        self.sample_rate = sample_rate
        self._session, self._letters, self._spaced = session, letters, spaced
        self._scales = {name: np.array([value], np.float32) for name, value in scales.items()}

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
            for piece in pieces(speakable(text), LONGEST):
                scope.check()
                numbers = numbers_of(piece, self._letters, spaced=self._spaced)
                if any(c.isalpha() for c in piece) and numbers:
                    yield trimmed(self._render(numbers, run), self.sample_rate, pause_after(piece))
        except Exception as error:
            scope.check()
            raise BackendFailed(f"The voice failed: {error}") from error

    def _render(self, numbers: list[int], run: ort.RunOptions) -> Samples:
        feeds = {
            "x": np.array([numbers], np.int64),
            "x_length": np.array([len(numbers)], np.int64),
            **self._scales,
        }
        sound: Samples = self._session.run(None, feeds, run)[0].reshape(-1)
        return sound


def read_letters(path: Path) -> dict[str, int]:
    """Return the table in ``path``: a letter, a space, its number; a number alone is the space's.

    Raises:
        ModelDamaged: it is no such table.

    """
    letters = {}
    try:
        for line in path.read_text("utf-8").splitlines():
            letter, _, number = line.rpartition(" ")
            letters[letter or " "] = int(number)
    except (OSError, ValueError) as error:
        raise ModelDamaged(f"{path} is not a table of letters: {error}") from error
    return letters


def numbers_of(text: str, letters: dict[str, int], *, spaced: bool) -> list[int]:
    """Return what the model reads for ``text``; characters it does not know are left out."""
    known = [letters[c] for c in text.lower() if c in letters]
    if not spaced or not known:
        return known
    return [0, *(number for each in known for number in (each, 0))]


def _stop(run: Any) -> None:
    run.terminate = True
