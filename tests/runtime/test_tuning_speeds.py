"""Speeds of models that take a known time, by a clock that only they move."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from edgevoice.backends.protocols import Samples
from edgevoice.cancel import Cancelled, CancelScope
from edgevoice.core.history import Message
from edgevoice.errors import BackendFailed
from edgevoice.runtime.tuning.speeds import ANSWER_TOKENS, llm_speed, stt_speed, tts_speed


class Clock:
    """Stands still until somebody works."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class FakeLlm:
    """Reads 200 tokens a second and writes 10; what it read once it knows."""

    context_tokens = 2048

    def __init__(self, clock: Clock, answer: int = 100) -> None:
        self.clock, self.answer = clock, answer
        self.known = ""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(messages)

    def prefill(self, messages: Sequence[Message], scope: CancelScope) -> int:
        scope.check()
        text = "".join(message.text for message in messages)
        pairs = enumerate(zip(text, self.known, strict=False))
        whole = min(len(text), len(self.known))
        same = next((at for at, (new, old) in pairs if new != old), whole)
        self.known = text
        self.clock.now += (len(text) - same) / 4 / 200
        return (len(text) - same) // 4

    def reply(
        self, messages: Sequence[Message], max_tokens: int, scope: CancelScope
    ) -> Iterator[str]:
        for _ in range(min(max_tokens, self.answer)):
            self.clock.now += 0.1
            yield "word "


class FakeTts:
    """Makes a second of sound in a quarter of a second, in two chunks."""

    sample_rate = 8000

    def __init__(self, clock: Clock, seconds: float = 1.0) -> None:
        self.clock, self.seconds = clock, seconds

    def synthesize(self, text: str, scope: CancelScope) -> Iterator[Samples]:
        for _ in range(2):
            scope.check()
            self.clock.now += self.seconds / 8
            yield np.zeros(int(self.seconds * 4000), np.float32)


class FakeStt:
    """Hears in a tenth of the time; its first call takes much longer."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.calls = clock, 0

    def transcribe(self, utterance: Samples, scope: CancelScope) -> str:
        self.calls += 1
        self.clock.now += len(utterance) / 160_000 + 5.0 * (self.calls == 1)
        return "words"


def test_an_llm_reads_and_writes() -> None:
    clock = Clock()
    found = llm_speed(FakeLlm(clock), CancelScope(), clock=clock)
    assert found.read_tps == pytest.approx(200, rel=0.01)
    assert found.write_tps == pytest.approx(10)
    assert found.first_s == pytest.approx(0.1)
    assert found.spread < 0.02


def test_every_round_reads_a_prompt_that_is_not_known() -> None:
    clock = Clock()
    llm = FakeLlm(clock)
    llm_speed(llm, CancelScope(), rounds=2, clock=clock)
    read_s = clock.now - 3 * 0.1 * ANSWER_TOKENS
    assert read_s > 3 * 200 / 200  # at least 200 tokens, three times


def test_an_llm_with_nothing_to_say_cannot_be_timed() -> None:
    clock = Clock()
    with pytest.raises(BackendFailed, match="no answer"):
        llm_speed(FakeLlm(clock, answer=1), CancelScope(), clock=clock)


def test_a_voice_speaks() -> None:
    clock = Clock()
    found = tts_speed(FakeTts(clock), CancelScope(), clock=clock)
    assert found.rtf == pytest.approx(0.25)
    assert found.first_s == pytest.approx(0.125)


def test_a_voice_without_sound_cannot_be_timed() -> None:
    with pytest.raises(BackendFailed, match="makes no sound"):
        tts_speed(FakeTts(Clock(), seconds=0.0), CancelScope())


def test_ears_hear_and_their_first_call_does_not_count() -> None:
    clock = Clock()
    utterances = [np.zeros(16_000, np.float32), np.zeros(32_000, np.float32)]
    found = stt_speed(FakeStt(clock), utterances, CancelScope(), clock=clock)
    assert found.rtf == pytest.approx(0.1)
    assert found.spread == pytest.approx(0.0, abs=1e-9)


def test_it_can_be_cancelled() -> None:
    scope = CancelScope()
    scope.cancel()
    with pytest.raises(Cancelled):
        llm_speed(FakeLlm(Clock()), scope)
