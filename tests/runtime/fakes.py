"""Stand-ins for the models, for tests of the runtime's own promises."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.conversation import Conversation
from edgevoice.core.history import Message
from edgevoice.core.speech_detector import SpeechDetector
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.assistant import Assistant, Loaders
from edgevoice.runtime.clock import AudioClock
from edgevoice.runtime.file_device import FileDevice, Recording

RATE = 8_000
"""Of the fake voice, in Hz."""

WORD_S = 0.2
"""Length of a word of the fake voice."""


class LoudIsSpeech:
    """A VAD for recordings in which speech is ones and silence zeros."""

    frame_samples = 512

    def probability(self, frame: Samples) -> float:
        return float(np.abs(frame).mean() > 0.1)

    def reset(self) -> None:
        pass


class AlwaysSure:
    def probability(self, utterance: Samples) -> float:
        return 1.0


class HearsInOrder:
    """Hears the utterances that it is told to, one a call."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.lengths_s: list[float] = []

    def transcribe(self, utterance: Samples, scope: CancelScope) -> str:
        self.lengths_s.append(len(utterance) / EARS_RATE)
        return self.texts.pop(0) if self.texts else ""


class Echo:
    """Answers with the replies that it is told to, else with a fixed one, a word at a time."""

    context_tokens = 2048

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.asked: list[list[Message]] = []
        self.pieces = 0

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.text.split()) for message in messages)

    def prefill(self, messages: Sequence[Message], scope: CancelScope) -> int:
        return 0

    def reply(
        self, messages: Sequence[Message], max_tokens: int, scope: CancelScope
    ) -> Iterator[str]:
        self.asked.append(list(messages))
        for word in (self.replies.pop(0) if self.replies else "This is fine.").split():
            scope.check()
            self.pieces += 1
            yield word + " "


class Beeps:
    """Says every word as a tone of ``WORD_S``."""

    sample_rate = RATE

    def __init__(self) -> None:
        self.said: list[str] = []

    def synthesize(self, text: str, scope: CancelScope) -> Iterator[Samples]:
        self.said.append(text)
        for _ in text.split():
            scope.check()
            yield np.full(round(WORD_S * RATE), 0.5, np.float32)


def spoken(*spans: tuple[float, float], total_s: float) -> Samples:
    """A 16 kHz recording of ``total_s`` in which somebody speaks during ``spans``."""
    samples = np.zeros(round(total_s * EARS_RATE), np.float32)
    for start, end in spans:
        samples[round(start * EARS_RATE) : round(end * EARS_RATE)] = 0.5
    return samples


class Blocks:
    """A sink that keeps what was played."""

    def __init__(self) -> None:
        self.blocks: list[Samples] = []

    def write(self, samples: Samples) -> None:
        self.blocks.append(samples.copy())

    def close(self) -> None:
        pass

    def audible_spans(self) -> list[tuple[float, float]]:
        """The times between which something was audible."""
        loud = np.abs(np.concatenate(self.blocks)) > 0.01
        edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(np.int8), [0]])))
        return [(s / RATE, e / RATE) for s, e in zip(edges[::2], edges[1::2], strict=True)]


def assistant(
    recording: Samples,
    *,
    stt: Callable[[], HearsInOrder],
    llm: Callable[[], Echo] = Echo,
    tts: Callable[[], Beeps] = Beeps,
    sink: Blocks | None = None,
) -> Assistant:
    """An assistant that hears ``recording`` in virtual time."""
    clock, activity = AudioClock(), Activity()
    device = FileDevice(Recording(recording, EARS_RATE), EARS_RATE, RATE, clock, activity, sink)
    loaders = Loaders(vad=LoudIsSpeech, turn_end=AlwaysSure, stt=stt, llm=llm, tts=tts)
    return Assistant(
        Conversation("Be brief."),
        loaders,
        device,
        clock,
        activity,
        detector=SpeechDetector(frame_s=0.032),
    )


def run(assistant: Assistant, timeout_s: float = 30.0) -> None:
    """Run the talk to its end; fail rather than hang."""
    thread = threading.Thread(target=assistant.run, daemon=True)
    thread.start()
    thread.join(timeout_s)
    assert not thread.is_alive(), "the talk did not end"
