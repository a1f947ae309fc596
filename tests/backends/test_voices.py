"""Voices heard by the ear of the assistant itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soxr

from edgevoice.backends import engines
from edgevoice.backends.protocols import EARS_RATE, Samples, Stt, Tts
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle, Role
from edgevoice.core.pauses import pause_after
from edgevoice.core.word_timing import heard_words
from edgevoice_quantize.word_errors import compare
from tests.backends import contract

pytestmark = pytest.mark.models

Bundles = Callable[[str], Bundle]

SAYINGS = [
    "Put the egg into boiling water and wait six minutes.",
    "**Yes**, it looks like rain tomorrow, with a high of 18 degrees. ☔",
    "There are 365 days in a year, and one more in a leap year.",
    "My favorite part of the story is when the old sailor finally comes home.",
]


@pytest.fixture(scope="module")
def ear(bundle: Bundles) -> Stt:
    ear: Stt = engines.load(bundle("moonshine-tiny-en"))
    return ear


@pytest.fixture(scope="module", params=contract.BUNDLES[Role.TTS])
def voice(bundle: Bundles, request: pytest.FixtureRequest) -> Any:
    return engines.load(bundle(request.param))


def spoken(voice: Tts, text: str) -> Samples:
    return np.concatenate(list(voice.synthesize(text, CancelScope())))


def heard(ear: Stt, audio: Samples, rate: int) -> str:
    at_ear = soxr.resample(audio, rate, EARS_RATE).astype(np.float32)
    return ear.transcribe(np.pad(at_ear, EARS_RATE // 10), CancelScope())


def test_what_is_said_is_understood(voice: Tts, ear: Stt) -> None:
    mistakes = [
        compare(text, heard(ear, spoken(voice, text), voice.sample_rate)) for text in SAYINGS
    ]
    assert sum(m.errors for m in mistakes) <= 0.15 * sum(m.words for m in mistakes)


def test_the_words_taken_as_heard_are_those_that_an_ear_hears(voice: Tts, ear: Stt) -> None:
    text = SAYINGS[3]
    audio = spoken(voice, text)
    total_s = len(audio) / voice.sample_rate
    differences = []
    for played_s in np.arange(0.4, total_s - pause_after(text), 0.4):
        by_ear = heard(ear, audio[: int(played_s * voice.sample_rate)], voice.sample_rate)
        found = compare(heard_words(text, float(played_s), total_s), by_ear)
        differences.append(len(found.said.split()) - len(found.heard.split()))
    assert np.mean(np.abs(differences) <= 1) >= 0.8
