"""The speeds that models show by their own work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.history import Message
from edgevoice.core.rung import Speed
from edgevoice.runtime.gauge import Gauge, GaugedLlm, GaugedStt, GaugedTts

SCOPE = CancelScope()


def about(number: float) -> Any:
    """Equal to what differs from ``number`` by rounding."""
    return pytest.approx(number)


class Clock:
    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at


class Models:
    """Slow as the clock is told: 0.2 s for each call or piece."""

    sample_rate = 1000
    context_tokens = 512

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.threads = 0

    def transcribe(self, utterance: Samples, scope: CancelScope) -> str:
        self.clock.at += 0.2
        return "hello"

    def synthesize(self, text: str, scope: CancelScope) -> Iterator[Samples]:
        for _ in range(2):
            self.clock.at += 0.2
            yield np.zeros(1000, np.float32)

    def reply(
        self, messages: Sequence[Message], max_tokens: int, scope: CancelScope
    ) -> Iterator[str]:
        self.clock.at += 5.0
        for _ in range(max_tokens):
            yield "word "
            self.clock.at += 0.1

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return 1

    def prefill(self, messages: Sequence[Message], scope: CancelScope) -> int:
        return 1

    def set_threads(self, threads: int) -> None:
        self.threads = threads


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gauge(clock: Clock) -> Gauge:
    return Gauge(clock.now)


def test_hearing_is_gauged_by_the_length_of_what_is_heard(gauge: Gauge, clock: Clock) -> None:
    stt = GaugedStt(Models(clock), "ears", gauge)
    assert stt.transcribe(np.zeros(2 * EARS_RATE, np.float32), SCOPE) == "hello"
    assert gauge.take() == {"ears": Speed(rtf=about(0.1))}
    assert gauge.take() == {}


def test_speaking_is_gauged_without_the_time_that_its_listener_takes(
    gauge: Gauge, clock: Clock
) -> None:
    for _ in GaugedTts(Models(clock), "voice", gauge).synthesize("hello", SCOPE):
        clock.at += 9.0
    assert gauge.take() == {"voice": Speed(rtf=about(0.2))}


def test_writing_is_gauged_without_the_reading_before_it(gauge: Gauge, clock: Clock) -> None:
    llm = GaugedLlm(Models(clock), "pen", gauge, threads=2)
    for _ in llm.reply([], 21, SCOPE):
        clock.at += 9.0
    assert gauge.take() == {"pen": Speed(write_tps=about(10.0), threads=2)}


def test_a_reply_that_is_left_counts_as_far_as_it_came(gauge: Gauge, clock: Clock) -> None:
    reply = iter(GaugedLlm(Models(clock), "pen", gauge, threads=2).reply([], 100, SCOPE))
    for _ in range(11):
        next(reply)
    del reply
    assert gauge.take() == {"pen": Speed(write_tps=about(10.0), threads=2)}


def test_a_word_or_two_say_nothing(gauge: Gauge, clock: Clock) -> None:
    list(GaugedLlm(Models(clock), "pen", gauge, threads=1).reply([], 5, SCOPE))
    GaugedStt(Models(clock), "ears", gauge).transcribe(np.zeros(1000, np.float32), SCOPE)
    assert gauge.take() == {}


def test_the_work_before_a_change_of_threads_is_left_out(gauge: Gauge, clock: Clock) -> None:
    models = Models(clock)
    llm = GaugedLlm(models, "pen", gauge, threads=1)
    list(llm.reply([], 50, SCOPE))
    llm.set_threads(3)
    assert models.threads == 3
    list(llm.reply([], 21, SCOPE))
    assert gauge.take()["pen"].threads == 3
