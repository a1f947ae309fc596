"""Times a model at its work in a talk, through what its role promises and nothing else."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgevoice.backends.protocols import EARS_RATE, Llm, Samples, Stt, Tts
from edgevoice.cancel import CancelScope
from edgevoice.core.history import Message
from edgevoice.errors import BackendFailed

Clock = Callable[[], float]
"""``time.perf_counter``, or ``time.process_time`` where others use the processor, too."""

PROMPT = (
    "You are a friendly voice assistant. Answer in one or two short, plain sentences. "
    "The kitchen has a lamp, an oven and a radio. The hall has two lamps and a door that can be "
    "locked. In the living room there are three lamps, a heater, a fan and blinds that go up in "
    "the morning and down at night. The garden has a pump for the roses, which runs for ten "
    "minutes at six o'clock unless it has rained. Anna comes home at five on weekdays, and Paul "
    "at half past six. On Tuesdays there is music school, and on Thursdays the bins are put out. "
    "The shopping list has milk, eggs, butter, two lemons and a bag of flour on it. The cat is "
    "called Biscuit, eats in the morning and in the evening, and must not go out after dark. "
    "When somebody asks for the weather, say that there is no network here. When somebody asks "
    "for the time, say it in words. Never read out signs, lists or links, and never use "
    "abbreviations. If a question is not clear, ask one short question back. If you do not know "
    "an answer, say so. Be kind to children, and do not scare them. "
)
"""What an assistant may be told of a home: some 250 tokens, which are read anew in each round."""

QUESTION = "Tell me a long story about a fox, a river and an old bridge."
ANSWER_TOKENS = 33
"""The first is timed as the wait for it, the others as writing."""

SENTENCES = (
    "The kettle is on, and the tea will be ready in four minutes.",
    "It is a quarter past seven, and your train leaves from platform two in half an hour.",
    "I have put milk, butter and two lemons on your list.",
)
"""What a voice says."""

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class LlmSpeed:
    """Medians, and how far the slowest and the fastest round lay apart, as a share of them.

    Attributes:
        read_tps: tokens of a prompt that are read a second.
        write_tps: tokens of a reply that are written a second.
        first_s: from a question's end to the reply's first words, the prompt before it being read.

    """

    read_tps: float
    write_tps: float
    first_s: float
    spread: float


@dataclass(frozen=True, slots=True)
class AudioSpeed:
    """Seconds of work for each second of audio, and their spread as in ``LlmSpeed``.

    ``first_s`` is the wait for a voice's first sound, for ears for the transcript.
    """

    rtf: float
    first_s: float
    spread: float


def llm_speed(
    llm: Llm, scope: CancelScope, *, rounds: int = ROUNDS, clock: Clock = time.perf_counter
) -> LlmSpeed:
    """Let ``llm`` read a prompt and answer, several times.

    Raises:
        Cancelled: ``scope`` was cancelled.
        BackendFailed: the model has nothing to say, or the library failed.

    """
    reads, writes, firsts = [], [], []
    for number in range(rounds + 1):
        # A prompt that begins in another way is none that any cache knows.
        talk = [Message("system", f"Number {number}. {PROMPT}")]
        started = clock()
        evaluated = llm.prefill(talk, scope)
        reads.append(evaluated / max(1e-9, clock() - started))
        talk.append(Message("user", QUESTION))
        times = [clock()]
        for _ in llm.reply(talk, ANSWER_TOKENS, scope):
            times.append(clock())  # noqa: PERF401 - the time of each
        if len(times) < 3:
            raise BackendFailed(f"The model has no answer to {QUESTION!r}.")
        firsts.append(times[1] - times[0])
        writes.append((len(times) - 2) / max(1e-9, times[-1] - times[1]))
    # The first round finds nothing in the processor's caches, and weights on the disk.
    return LlmSpeed(
        statistics.median(reads[1:]),
        statistics.median(writes[1:]),
        statistics.median(firsts[1:]),
        max(_spread(reads[1:]), _spread(writes[1:])),
    )


def tts_speed(
    tts: Tts, scope: CancelScope, *, rounds: int = ROUNDS, clock: Clock = time.perf_counter
) -> AudioSpeed:
    """Let ``tts`` say a few sentences.

    Raises:
        Cancelled: ``scope`` was cancelled.
        BackendFailed: it makes no sound.

    """
    factors, firsts = [], []
    for _ in range(rounds + 1):
        worked_s = sounded_s = 0.0
        for sentence in SENTENCES:
            samples, times = 0, [clock()]
            for chunk in tts.synthesize(sentence, scope):
                samples += len(chunk)
                times.append(clock())
            if not samples:
                raise BackendFailed(f"The voice makes no sound of {sentence!r}.")
            firsts.append(times[1] - times[0])
            worked_s += times[-1] - times[0]
            sounded_s += samples / tts.sample_rate
        factors.append(worked_s / sounded_s)
    return _audio(factors[1:], firsts[len(SENTENCES) :])


def stt_speed(
    stt: Stt,
    utterances: Sequence[Samples],
    scope: CancelScope,
    *,
    rounds: int = ROUNDS,
    clock: Clock = time.perf_counter,
) -> AudioSpeed:
    """Let ``stt`` hear ``utterances``, at 16 kHz.

    Raises:
        Cancelled: ``scope`` was cancelled.
        BackendFailed: the library failed.

    """
    factors, waits = [], []
    for _ in range(rounds + 1):
        worked_s = 0.0
        for utterance in utterances:
            started = clock()
            stt.transcribe(utterance, scope)
            waits.append(clock() - started)
            worked_s += waits[-1]
        factors.append(worked_s * EARS_RATE / sum(map(len, utterances)))
    return _audio(factors[1:], waits[len(utterances) :])


def _audio(factors: list[float], firsts: list[float]) -> AudioSpeed:
    return AudioSpeed(statistics.median(factors), statistics.median(firsts), _spread(factors))


def _spread(values: list[float]) -> float:
    return (max(values) - min(values)) / max(1e-9, statistics.median(values))
