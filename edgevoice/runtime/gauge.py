"""How fast the models are, gauged by their own work: no one else waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgevoice.backends.protocols import EARS_RATE, Llm, Samples, Stt, Tts
from edgevoice.cancel import CancelScope
from edgevoice.core.history import Message
from edgevoice.core.rung import Speed

LEAST_S = 0.5
"""Shorter sounds say little of a model's speed: each call has a price of its own."""

LEAST_PIECES = 8
"""Likewise of replies."""


@dataclass(slots=True)
class _Work:
    """Work of a model: seconds, and how much it did (seconds of sound, or tokens)."""

    took_s: float = 0.0
    done: float = 0.0
    threads: int = 1


class Gauge:
    """Adds up work until it is taken. Safe from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure by ``clock``, in seconds."""
        self.now = clock
        self._lock = threading.Lock()
        self._heard: dict[str, _Work] = {}
        self._written: dict[str, _Work] = {}

    def sound(self, bundle: str, took_s: float, sound_s: float) -> None:
        """Count sound that was heard, or made."""
        self._add(self._heard, bundle, _Work(took_s, sound_s))

    def tokens(self, bundle: str, took_s: float, tokens: int, threads: int) -> None:
        """Count tokens that were written, with so many threads."""
        self._add(self._written, bundle, _Work(took_s, tokens, threads))

    def take(self) -> dict[str, Speed]:
        """Return the speeds since the last call, of those models whose work says something."""
        with self._lock:
            heard, self._heard = self._heard, {}
            written, self._written = self._written, {}
        speeds = {
            bundle: Speed(rtf=work.took_s / work.done)
            for bundle, work in heard.items()
            if work.done >= LEAST_S and work.took_s > 0
        }
        speeds |= {
            bundle: Speed(write_tps=work.done / work.took_s, threads=work.threads)
            for bundle, work in written.items()
            if work.done >= LEAST_PIECES and work.took_s > 0
        }
        return speeds

    def _add(self, counts: dict[str, _Work], bundle: str, more: _Work) -> None:
        with self._lock:
            before = counts.get(bundle)
            if before is None or before.threads != more.threads:
                counts[bundle] = more
            else:
                before.took_s += more.took_s
                before.done += more.done


class GaugedStt:
    """An ``Stt`` whose work is counted."""

    def __init__(self, stt: Stt, bundle: str, gauge: Gauge) -> None:
        self._stt = stt
        self._bundle = bundle
        self._gauge = gauge

    def transcribe(self, utterance: Samples, scope: CancelScope) -> str:
        """Return the words of ``utterance``; see ``Stt``."""
        begun = self._gauge.now()
        text = self._stt.transcribe(utterance, scope)
        self._gauge.sound(self._bundle, self._gauge.now() - begun, len(utterance) / EARS_RATE)
        return text


class GaugedTts:
    """A ``Tts`` whose work is counted."""

    def __init__(self, tts: Tts, bundle: str, gauge: Gauge) -> None:
        self._tts = tts
        self._bundle = bundle
        self._gauge = gauge
        self.sample_rate = tts.sample_rate

    def synthesize(self, text: str, scope: CancelScope) -> Iterator[Samples]:
        """Yield the sound of ``text``; see ``Tts``."""
        begun = self._gauge.now()
        for samples in self._tts.synthesize(text, scope):
            now = self._gauge.now()
            self._gauge.sound(self._bundle, now - begun, len(samples) / self.sample_rate)
            yield samples
            begun = self._gauge.now()


class GaugedLlm:
    """An ``Llm`` whose work is counted: only writing, which a reading ahead does not blur."""

    def __init__(self, llm: Llm, bundle: str, gauge: Gauge, threads: int) -> None:
        self._llm = llm
        self._bundle = bundle
        self._gauge = gauge
        self._threads = threads
        self.context_tokens = llm.context_tokens

    def set_threads(self, threads: int) -> None:
        """Write with ``threads`` from now on, where the library can."""
        if change := getattr(self._llm, "set_threads", None):
            change(threads)
            self._threads = threads

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Return how many tokens ``messages`` are; see ``Llm``."""
        return self._llm.count_tokens(messages)

    def prefill(self, messages: Sequence[Message], scope: CancelScope) -> int:
        """Bring the beginning of a prompt into the cache; see ``Llm``."""
        return self._llm.prefill(messages, scope)

    def reply(
        self, messages: Sequence[Message], max_tokens: int, scope: CancelScope
    ) -> Iterator[str]:
        """Yield the reply; see ``Llm``. The time to its first piece is not counted."""
        pieces, took_s, begun = 0, 0.0, 0.0
        try:
            for piece in self._llm.reply(messages, max_tokens, scope):
                if begun:
                    pieces += 1
                    took_s += self._gauge.now() - begun
                yield piece
                begun = self._gauge.now()
        finally:
            self._gauge.tokens(self._bundle, took_s, pieces, self._threads)
