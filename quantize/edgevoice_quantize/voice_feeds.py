"""What a voice's graph is fed when it speaks a text: as the runtime feeds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevoice.backends import vits
from edgevoice.backends.onnx_metadata import read_metadata
from edgevoice.backends.phonemes import EnglishPhonemes, pieces
from edgevoice.backends.piper import Piper, read_settings
from edgevoice.core.spoken_text import speakable
from edgevoice.errors import ModelError

Feeds = dict[str, NDArray[Any]]


def feeds_of(file: Path, texts: Sequence[str], *, noise: bool) -> Iterator[Feeds]:
    """Yield what the voice in ``file`` is fed for ``texts``, sentence by sentence.

    Without ``noise`` the same feeds give the same sound each time.

    Raises:
        ModelError: neither a Piper voice's description nor the letters of a VITS voice lie
            beside the file.

    """
    description, letters = file.with_name(f"{file.name}.json"), file.with_name("tokens.txt")
    if description.is_file():
        feeds = _piper(description, noise=noise)
    elif letters.is_file():
        feeds = _vits(file, letters, noise=noise)
    else:
        raise ModelError(f"{file.name} has no description beside it: what it reads is not known.")
    for text in texts:
        yield from feeds(speakable(text))


def _piper(description: Path, *, noise: bool) -> Callable[[str], Iterator[Feeds]]:
    settings, english = read_settings(description), EnglishPhonemes()
    sound, length, of_length = settings.scales
    scales = (sound, length, of_length) if noise else (0.0, length, 0.0)

    def feeds(text: str) -> Iterator[Feeds]:
        for piece in pieces(english(text), Piper.longest):
            if any(c.isalpha() for c in piece):
                numbers = settings.numbers(piece)
                yield {
                    "input": np.array([numbers]),
                    "input_lengths": np.array([len(numbers)]),
                    "scales": np.array(scales, np.float32),
                    **({"sid": np.zeros(1, np.int64)} if settings.speakers > 1 else {}),
                }

    return feeds


def _vits(file: Path, table: Path, *, noise: bool) -> Callable[[str], Iterator[Feeds]]:
    letters = vits.read_letters(table)
    spaced = read_metadata(file).get("add_blank", "1") != "0"
    scales = {
        name: np.array([value if noise or name == "length_scale" else 0.0], np.float32)
        for name, value in vits.SCALES.items()
    }

    def feeds(text: str) -> Iterator[Feeds]:
        for piece in pieces(text, vits.LONGEST):
            numbers = vits.numbers_of(piece, letters, spaced=spaced)
            if any(c.isalpha() for c in piece) and numbers:
                yield {"x": np.array([numbers]), "x_length": np.array([len(numbers)]), **scales}

    return feeds
