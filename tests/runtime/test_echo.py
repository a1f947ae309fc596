"""The canceller on a voice that comes back from the room."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import soxr

from edgevoice.backends import engines
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.runtime.echo import EchoCanceller
from tests.recordings import clip

pytestmark = pytest.mark.models

RATE = 24_000
BLOCK_S = 0.02


def level_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(samples)) + 1e-12))


@pytest.fixture(scope="module")
def voice() -> Samples:
    """Some fifteen seconds of the assistant's own voice, 24 kHz."""
    from edgevoice.runtime.bundles.store import Store

    tts = engines.load(Store().get("hibari-heart"))
    text = "The weather will be fine tomorrow, with a little wind from the west. "
    return np.concatenate(list(tts.synthesize(text * 4, CancelScope())))


def heard(voice: Samples, delay_s: float, user: Samples, *, cancel: bool = True) -> Samples:
    """What the ears get when ``voice`` comes back 10 dB lower, ``delay_s`` late, under ``user``."""
    canceller = EchoCanceller(RATE)
    blocks = len(voice) // round(BLOCK_S * RATE)
    room = np.zeros(blocks * round(BLOCK_S * EARS_RATE), np.float32)
    late = round(delay_s * EARS_RATE)
    echo = soxr.resample(voice, RATE, EARS_RATE) * 10 ** (-10 / 20)
    room[late:] = np.pad(echo, (0, len(room)))[: len(room) - late]
    start = len(room) - len(user)
    room[start:] += user
    out = []
    for i in range(blocks):
        far = voice[i * round(BLOCK_S * RATE) : (i + 1) * round(BLOCK_S * RATE)]
        canceller.reference.write(far, (i + 1) * BLOCK_S)
        near = room[i * round(BLOCK_S * EARS_RATE) : (i + 1) * round(BLOCK_S * EARS_RATE)]
        out.append(canceller.clean(near, (i + 1) * BLOCK_S) if cancel else near)
    return np.concatenate(out)


@pytest.mark.parametrize("delay_s", [0.04, 0.08, 0.15])
def test_the_echo_is_taken_out_whatever_the_delay(voice: Samples, delay_s: float) -> None:
    nobody = np.zeros(EARS_RATE, np.float32)
    raw = heard(voice, delay_s, nobody, cancel=False)[8 * EARS_RATE :]
    clean = heard(voice, delay_s, nobody)[8 * EARS_RATE :]
    assert level_db(raw) - level_db(clean) > 20


def test_the_user_is_understood_who_speaks_up_before_the_voice_is_held(
    voice: Samples, bundle: Callable[[str], Bundle]
) -> None:
    user = clip("monkeys")
    held_at = len(voice) - round((len(user) / EARS_RATE - 0.4) * RATE)
    voice = np.where(np.arange(len(voice)) < held_at, voice, 0).astype(np.float32)
    ears = heard(voice, 0.06, user)[-len(user) :]
    text = engines.load(bundle("moonshine-tiny-en")).transcribe(ears, CancelScope())
    assert "carried away by monkeys" in text
