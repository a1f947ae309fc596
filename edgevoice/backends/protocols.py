"""What the runtime asks of a model. One small file per native library fulfils one of these.

Calls block, and come from one thread for the life of the object, so a backend needs no
locks. Call ``scope.check()`` between native calls; split, or give a stop hook to, any call
that may last longer than half a second. A native library's error is raised as
``BackendFailed``; a scope's cancellation passes through as ``Cancelled``.

Each backend module has two functions, which ``engines.py`` finds by the bundle's ``engine``:
``need_mb(bundle)`` says, without loading, what ``load(bundle, threads=...)`` will take.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgevoice.cancel import CancelScope
from edgevoice.core.history import Message

Samples = NDArray[np.float32]
"""Mono audio, shape (n,), full scale -1 to 1."""

EARS_RATE = 16_000
"""Sample rate in Hz of everything that hears: VAD, turn end, wake word, STT."""


class Vad(Protocol):
    """Voice activity detection."""

    frame_samples: int
    """Length of the frames that ``probability`` takes, at 16 kHz."""

    def probability(self, frame: Samples) -> float:
        """Return the probability (0 to 1) that ``frame``, next in the stream, is speech."""
        ...

    def reset(self) -> None:
        """Forget the stream so far."""
        ...


class Wake(Protocol):
    """Hears one word, by which the assistant is called."""

    phrase: str
    """The word, as a person reads it."""

    def heard(self, frame: Samples) -> bool:
        """Tell whether the word ends in ``frame`` (16 kHz, any length), next in the stream."""
        ...

    def reset(self) -> None:
        """Forget the stream so far."""
        ...


class TurnEnd(Protocol):
    """Tells a finished turn from a pause, by ear."""

    def probability(self, utterance: Samples) -> float:
        """Return the probability (0 to 1) that the speaker of ``utterance`` (16 kHz) is done.

        Only the last eight seconds count; the silence at the end belongs to the evidence.
        """
        ...


class Stt(Protocol):
    """Speech-to-text."""

    def transcribe(self, utterance: Samples, scope: CancelScope) -> str:
        """Return the words of ``utterance`` (16 kHz), "" when there are none.

        Raises:
            Cancelled: ``scope`` was cancelled.
            BackendFailed: the native library reported an error.

        """
        ...


class Llm(Protocol):
    """A chat language model."""

    context_tokens: int
    """Prompt and reply together must fit in this."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Return how many tokens ``messages`` are as a prompt."""
        ...

    def prefill(self, messages: Sequence[Message], scope: CancelScope) -> int:
        """Bring the beginning of a prompt into the cache, ahead of ``reply``.

        The last message may be unfinished: its text so far is taken, its end is left open.
        Returns the number of tokens evaluated; 0 where the library has no such cache.

        Raises:
            Cancelled: ``scope`` was cancelled; what is in the cache stays valid.
            BackendFailed: the native library reported an error.

        """
        ...

    def reply(
        self, messages: Sequence[Message], max_tokens: int, scope: CancelScope
    ) -> Iterator[str]:
        """Yield the assistant's reply to ``messages``, piece by piece as it is decoded.

        Raises:
            Cancelled: ``scope`` was cancelled; pieces already yielded stay valid.
            BackendFailed: the native library or server reported an error.

        """
        ...


class Tts(Protocol):
    """Text-to-speech."""

    sample_rate: int
    """Of the audio that ``synthesize`` yields, in Hz."""

    def synthesize(self, text: str, scope: CancelScope) -> Iterator[Samples]:
        """Yield audio for ``text`` as it becomes ready, first chunk as early as possible.

        Raises:
            Cancelled: ``scope`` was cancelled; audio already yielded stays valid.
            BackendFailed: the native library reported an error.

        """
        ...
