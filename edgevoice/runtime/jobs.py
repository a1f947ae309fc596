"""What the lanes do: each job is a generator of events around one backend call."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr

from edgevoice.backends.protocols import Llm, Stt, Tts
from edgevoice.cancel import CancelScope
from edgevoice.core.clauses import ClauseSplitter
from edgevoice.core.commands import Generate, Prefill, Speak, Transcribe, TranscribePartial
from edgevoice.core.echo_words import is_echo
from edgevoice.core.events import (
    ClauseVoiced,
    ClauseWritten,
    Event,
    HistoryTrimmed,
    ReplyWritten,
    TranscriptReady,
    WordsStable,
)
from edgevoice.core.history import alternating, window
from edgevoice.core.words import look, stable_words
from edgevoice.runtime.clock import Clock
from edgevoice.runtime.heard import Heard
from edgevoice.runtime.loudspeaker import Loudspeaker


def transcribe(
    stt: Stt,
    scope: CancelScope,
    command: Transcribe,
    partials: Partials,
    heard: Heard,
    loudspeaker: Loudspeaker,
    clock: Clock,
) -> Iterator[Event]:
    """Turn what was heard into words; the assistant's own words are taken for none."""
    text = stt.transcribe(heard.since(command.since - PREROLL_S), scope)
    if is_echo(text, loudspeaker.saying(clock.now())):
        text = ""
    partials.stable(command.since, text)  # the user may yet go on
    yield TranscriptReady(clock.now(), command.turn, look(text), text)


PREROLL_S = 0.2
"""Heard before the VAD's first frame of speech: soft first sounds escape it."""


class Partials:
    """Remembers the last transcript of an utterance, to see which words stay. For the STT lane."""

    def __init__(self) -> None:
        self._since = 0.0
        self._text = ""

    def stable(self, since: float, text: str) -> str:
        """Take the newest transcript of the utterance that began at ``since``."""
        earlier = self._text if self._since == since else ""
        self._since, self._text = since, text
        return stable_words(earlier, text)


def transcribe_partial(
    stt: Stt,
    scope: CancelScope,
    command: TranscribePartial,
    partials: Partials,
    heard: Heard,
    clock: Clock,
) -> Iterator[Event]:
    """Turn what was heard so far into words, and say which of them stay."""
    text = stt.transcribe(heard.since(command.since - PREROLL_S), scope)
    if words := partials.stable(command.since, text):
        yield WordsStable(clock.now(), command.turn, len(words.split()), words)


def prefill(llm: Llm, scope: CancelScope, command: Prefill, max_tokens: int) -> Iterator[Event]:
    """Bring the beginning of a prompt into the cache; nobody is told."""
    if llm.count_tokens(command.messages) <= llm.context_tokens - max_tokens:
        llm.prefill(alternating(command.messages), scope)
    yield from ()


def generate(
    llm: Llm, scope: CancelScope, command: Generate, max_tokens: int, clock: Clock
) -> Iterator[Event]:
    """Write the reply, clause by clause."""
    budget = llm.context_tokens - max_tokens
    messages = window(command.messages, llm.count_tokens, budget)
    if len(messages) < len(command.messages):
        # Less the system prompt and the question: what is seen of the history.
        yield HistoryTrimmed(clock.now(), command.turn, len(messages) - 2)
    splitter = ClauseSplitter()
    clauses = 0
    for piece in llm.reply(alternating(messages), max_tokens, scope):
        for text in splitter.feed(piece):
            yield _written(command.turn, clauses, text, clock)
            clauses += 1
    for text in splitter.flush():
        yield _written(command.turn, clauses, text, clock)
        clauses += 1
    yield ReplyWritten(clock.now(), command.turn, clauses)


def speak(
    tts: Tts, scope: CancelScope, command: Speak, loudspeaker: Loudspeaker, clock: Clock
) -> Iterator[Event]:
    """Make the audio of a clause and queue it."""
    resampler = None
    if tts.sample_rate != loudspeaker.rate:
        resampler = soxr.ResampleStream(tts.sample_rate, loudspeaker.rate, 1, dtype="float32")
    voiced = False
    for samples in tts.synthesize(command.text, scope):
        scope.check()
        audio = resampler.resample_chunk(samples) if resampler else samples
        if not voiced:  # told before it can be heard
            voiced = True
            yield ClauseVoiced(clock.now(), command.turn, command.clause)
        loudspeaker.add(command.turn, command.clause, command.text, audio)
    if resampler:
        tail = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        loudspeaker.add(command.turn, command.clause, command.text, tail)
    loudspeaker.finish(command.turn, command.clause, command.text)


def _written(turn: int, clause: int, text: str, clock: Clock) -> ClauseWritten:
    return ClauseWritten(clock.now(), turn, clause, len(text.split()), text)
