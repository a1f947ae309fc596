"""Utterances to measure speech-to-text with: a user's own, or recorded prompts."""

from __future__ import annotations

from pathlib import Path

import soxr

from edgevoice.backends.protocols import EARS_RATE
from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime.wav import read_wav
from edgevoice_quantize import speech
from edgevoice_quantize.held_out import Item


def clips(folder: Path | None) -> list[Item]:
    """Return the clips in ``folder``: NAME.wav, with what is said in NAME.txt beside it.

    With no folder: Asterisk's English prompts of four words or more.

    Raises:
        EdgeVoiceError: there are none, or a recording has no text.
        AudioError: a recording cannot be read.

    """
    if folder is None:
        return [Item(clip.name, clip.text, clip.samples) for clip in speech.asterisk()]
    found = []
    for file in sorted(folder.rglob("*.wav")):
        text = file.with_suffix(".txt")
        if not text.is_file():
            raise EdgeVoiceError(f"{file} has no {text.name} beside it with what is said in it.")
        samples, rate = read_wav(file)
        name = str(file.relative_to(folder).with_suffix(""))
        found.append(
            Item(name, text.read_text("utf-8").strip(), soxr.resample(samples, rate, EARS_RATE))
        )
    if not found:
        raise EdgeVoiceError(
            f"There are no recordings in {folder}.", hint="NAME.wav and NAME.txt for each utterance"
        )
    return found
