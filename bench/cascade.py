"""The plain cascade, to compare with: silence, then STT, then the whole reply, then its audio."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from bench.dialogue import AUDIBLE, OUTPUT_RATE, end_of_speech_s
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.history import Message
from edgevoice.runtime.assistant import Loaders

SILENCE_S = 0.5
"""Silence after which the turn is over."""


@dataclass(frozen=True)
class CascadeTurn:
    """Times in seconds; ``cut_off`` when half a second of silence came before the end."""

    voice_to_voice_s: float
    cpu_s: float
    cut_off: bool


class Cascade:
    """One stage after the other, with the same models.

    Nothing else runs meanwhile, so the audio needs no clock: its silence is counted in
    frames, and the stages are timed on the wall.
    """

    def __init__(self, loaders: Loaders, system_prompt: str, max_tokens: int) -> None:
        self._vad = loaders.vad()
        self._stt = loaders.stt()
        self._llm = loaders.llm()
        self._tts = loaders.tts()
        self._messages = [Message("system", system_prompt)]
        self._max_tokens = max_tokens

    def ask(self, samples: Samples) -> CascadeTurn:
        """Say ``samples`` (16 kHz) and return how long the first audible sample took."""
        scope = CancelScope()
        cpu_before = time.process_time()
        over_at = self._over_at(np.pad(samples, (0, 2 * EARS_RATE)))
        started = time.perf_counter()
        question = self._stt.transcribe(samples[: round(over_at * EARS_RATE)], scope)
        self._messages.append(Message("user", question))
        reply = "".join(self._llm.reply(self._messages, self._max_tokens, scope)).strip()
        self._messages.append(Message("assistant", reply))
        audio = np.concatenate(list(self._tts.synthesize(reply, scope)))
        spent = time.perf_counter() - started
        silent_s = int(np.argmax(np.abs(audio) > AUDIBLE)) / OUTPUT_RATE
        speech_end = end_of_speech_s(samples)
        return CascadeTurn(
            over_at - speech_end + spent + silent_s,
            time.process_time() - cpu_before,
            cut_off=over_at < speech_end,
        )

    def _over_at(self, samples: Samples) -> float:
        """Return the time at which speech has been followed by ``SILENCE_S`` of silence."""
        self._vad.reset()
        size = self._vad.frame_samples
        spoke, quiet_s = False, 0.0
        for start in range(0, len(samples) - size, size):
            speech = self._vad.probability(samples[start : start + size]) >= 0.5
            spoke |= speech
            quiet_s = 0.0 if speech else quiet_s + size / EARS_RATE
            if spoke and quiet_s >= SILENCE_S:
                return (start + size) / EARS_RATE
        return len(samples) / EARS_RATE
