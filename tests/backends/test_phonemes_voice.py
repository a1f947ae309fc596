"""What Hibari and Piper have in common, with a model that hums."""

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
import pytest

from edgevoice.backends.phonemes_voice import ONSET_S, PhonemeVoice, trimmed
from edgevoice.backends.protocols import Samples
from edgevoice.cancel import Cancelled, CancelScope
from edgevoice.core.pauses import SENTENCE_PAUSE_S, pause_after
from edgevoice.errors import BackendFailed

RATE = 8_000


def hum(seconds: float, level: float = 0.5) -> Samples:
    at = np.arange(int(seconds * RATE)) / RATE
    return (level * np.cos(2 * np.pi * 200 * at)).astype(np.float32)


def hush(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), np.float32)


class Humming:
    """Hums 20 ms a phoneme, with silence around it."""

    sample_rate = RATE
    longest = 60

    def __init__(self) -> None:
        self.rendered: list[str] = []
        self.during: Callable[[ort.RunOptions], None] = lambda run: None

    def render(self, phonemes: str, run: ort.RunOptions) -> Samples:
        self.rendered.append(phonemes)
        self.during(run)
        return np.concatenate([hush(0.3), hum(0.02 * len(phonemes)), hush(0.4)])


@pytest.fixture(scope="module")
def shared() -> tuple[PhonemeVoice, Humming]:
    model = Humming()
    return PhonemeVoice(model), model


@pytest.fixture
def voice(shared: tuple[PhonemeVoice, Humming]) -> PhonemeVoice:
    return shared[0]


@pytest.fixture
def model(shared: tuple[PhonemeVoice, Humming]) -> Humming:
    model = shared[1]
    model.rendered.clear()
    model.during = lambda run: None
    return model


@pytest.mark.parametrize("text", ["", "...", "😀 👍🏻", "**  **", "---", "日本"])
def test_nothing_to_say_makes_no_sound(voice: PhonemeVoice, model: Humming, text: str) -> None:
    assert list(voice.synthesize(text, CancelScope())) == []
    assert model.rendered == []


def test_each_sentence_is_yielded_before_the_next_is_made(
    voice: PhonemeVoice, model: Humming
) -> None:
    audio = voice.synthesize("Yes. It is. Go!", CancelScope())
    for count in (1, 2, 3):
        next(audio)
        assert len(model.rendered) == count


def test_a_very_long_text_is_made_in_bounded_pieces(voice: PhonemeVoice, model: Humming) -> None:
    words = 2_000
    list(voice.synthesize("banana " * words, CancelScope()))
    assert max(map(len, model.rendered)) <= Humming.longest
    assert sum(len(piece.split()) for piece in model.rendered) == words


def test_cancelled_before_it_makes_nothing(voice: PhonemeVoice, model: Humming) -> None:
    scope = CancelScope()
    scope.cancel()
    with pytest.raises(Cancelled):
        list(voice.synthesize("Yes.", scope))
    assert model.rendered == []


def test_cancelled_between_sentences_it_makes_no_more(voice: PhonemeVoice, model: Humming) -> None:
    scope = CancelScope()
    audio = voice.synthesize("Yes. It is.", scope)
    next(audio)
    scope.cancel()
    with pytest.raises(Cancelled):
        next(audio)
    assert len(model.rendered) == 1


def test_cancelling_stops_the_native_call_under_way(voice: PhonemeVoice, model: Humming) -> None:
    scope = CancelScope()
    told_to_stop = []

    def stopped(run: ort.RunOptions) -> None:
        scope.cancel()
        told_to_stop.append(run.terminate)
        raise RuntimeError("Exiting due to terminate flag")

    model.during = stopped
    with pytest.raises(Cancelled):
        list(voice.synthesize("Yes.", scope))
    assert told_to_stop == [True]


def test_a_native_error_is_a_failed_backend(voice: PhonemeVoice, model: Humming) -> None:
    def broken(run: ort.RunOptions) -> None:
        raise RuntimeError("no such kernel")

    model.during = broken
    with pytest.raises(BackendFailed, match="no such kernel"):
        list(voice.synthesize("Yes.", CancelScope()))


@pytest.mark.parametrize("text", ["Yes.", "Well,", "and then"])
def test_the_silence_around_it_is_that_of_the_pause(
    voice: PhonemeVoice, model: Humming, text: str
) -> None:
    (audio,) = voice.synthesize(text, CancelScope())
    loud = np.flatnonzero(np.abs(audio) > 0.01)
    before, after = loud[0] / RATE, (len(audio) - loud[-1]) / RATE
    assert before == pytest.approx(ONSET_S, abs=0.002)
    assert after == pytest.approx(pause_after(text) - ONSET_S, abs=0.002)


def test_the_ends_do_not_click() -> None:
    audio = trimmed(hum(0.5), RATE, SENTENCE_PAUSE_S)
    assert audio[0] == 0.0
    slope = np.abs(np.diff(np.concatenate([[0], audio, [0]]))).max()
    assert slope <= np.abs(np.diff(hum(0.5))).max() * 1.05


@pytest.mark.parametrize("seconds", [0.0, 1 / RATE, 0.004, 0.03])
def test_a_sound_however_short_is_trimmed(seconds: float) -> None:
    audio = trimmed(hum(seconds), RATE, 0.2)
    assert audio.dtype == np.float32
    assert audio.ndim == 1


def test_silence_is_no_sound() -> None:
    assert len(trimmed(hush(1.0), RATE, 0.2)) == 0


def test_too_loud_is_limited_to_full_scale() -> None:
    assert np.abs(trimmed(hum(0.2, level=3.0), RATE, 0.2)).max() == 1.0


def test_a_weak_beginning_is_kept() -> None:
    weak = hum(0.1, level=0.5 * 0.03)
    audio = trimmed(np.concatenate([hush(0.3), weak, hum(0.2)]), RATE, 0.2)
    assert len(audio) / RATE == pytest.approx(ONSET_S + 0.3 + (0.2 - ONSET_S), abs=0.002)


def test_a_sound_that_is_no_number_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a number"):
        trimmed(np.full(100, np.nan, np.float32), RATE, 0.2)
