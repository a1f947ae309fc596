"""What every backend promises, whatever library is behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest

from edgevoice.backends import engines
from edgevoice.backends.protocols import EARS_RATE, Llm, Samples, Stt, Tts, TurnEnd, Vad
from edgevoice.cancel import Cancelled, CancelScope
from edgevoice.core.bundle import Bundle, Role
from edgevoice_quantize.words import comparable
from tests.backends import contract
from tests.recordings import clip

pytestmark = pytest.mark.models

Bundles = Callable[[str], Bundle]

WORDS = {
    "which-folder": "Which folder should I save the message to?",
    "weasels": "Weasels have eaten our phone system.",
    "monkeys": "They have been carried away by monkeys.",
    "who-sent-it": "I'm afraid I don't know who sent this message.",
}

SECOND = EARS_RATE

LIBRARY_MB = 60
"""What a native library takes of itself, once for all models that it runs."""


def of(*roles: Role) -> pytest.MarkDecorator:
    """Run a test with each bundle of ``roles``; its model is loaded once."""
    names = [name for role in roles or Role for name in contract.BUNDLES.get(role, ())]
    return pytest.mark.parametrize("name", names, scope="module")


@pytest.fixture(scope="module")
def get(bundle: Bundles, tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    made: dict[str, Bundle] = {}

    def get(name: str) -> Bundle:
        if name not in made:
            if name == "whisper-tiny-en-onnx":
                folder = tmp_path_factory.mktemp("whisper")
                made[name] = contract.build_whisper_onnx(bundle("whisper-tiny-en"), folder)
            else:
                made[name] = bundle(name)
        return made[name]

    return get


@pytest.fixture(scope="module")
def kept(get: Bundles, name: str) -> Bundle:
    return get(name)


@pytest.fixture(scope="module")
def model(kept: Bundle) -> Any:
    return engines.load(kept)


vad = turn_end = stt = llm = tts = model


class CountedScope(CancelScope):
    """Counts how often it is checked, and cancels itself at one of these checks."""

    def __init__(self, cancel_at: int = 0) -> None:
        super().__init__()
        self.checks = 0
        self._cancel_at = cancel_at

    def check(self) -> None:
        self.checks += 1
        if self.checks == self._cancel_at:
            self.cancel()
        super().check()


def cancelled() -> CancelScope:
    scope = CancelScope()
    scope.cancel()
    return scope


def noise(seconds: float, level: float) -> Samples:
    rng = np.random.default_rng(0)
    return rng.normal(0, level, int(seconds * SECOND)).astype(np.float32)


def hum(seconds: float) -> Samples:
    at = np.arange(int(seconds * SECOND)) / SECOND
    return (0.1 * np.sin(2 * np.pi * 50 * at)).astype(np.float32)


# Every role


@of()
def test_it_takes_the_memory_that_it_asks_for(kept: Bundle) -> None:
    needed = engines.need_mb(kept)
    assert 0.5 * kept.size_mb < needed < 150 + 4 * kept.size_mb
    with contract.child() as child:
        assert child.submit(contract.resident_mb, kept).result() < needed + LIBRARY_MB


@of()
def test_a_damaged_file_is_an_error_and_not_the_end_of_the_process(
    kept: Bundle, tmp_path: Path
) -> None:
    with contract.child() as child:
        outcomes = child.submit(contract.outcomes_of_damage, kept, tmp_path).result()
    assert set(outcomes.values()) <= {"ModelDamaged", "ModelMissing", "ModelError", "BackendFailed"}


@of()
def test_it_may_be_loaded_in_one_thread_and_used_in_another(kept: Bundle, model: Any) -> None:
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(contract.use(kept.role, model)))
    thread.start()
    thread.join()
    assert len(results) == 1


# Voice activity


def probabilities(vad: Vad, samples: Samples) -> list[float]:
    size = vad.frame_samples
    return [vad.probability(samples[i : i + size]) for i in range(0, len(samples) - size + 1, size)]


@of(Role.VAD)
@pytest.mark.parametrize("recording", WORDS)
def test_vad_hears_speech(vad: Vad, recording: str) -> None:
    vad.reset()
    heard = probabilities(vad, clip(recording))
    assert np.mean(np.array(heard) > 0.5) > 0.8


@of(Role.VAD)
@pytest.mark.parametrize(
    "sound",
    [np.zeros(3 * SECOND, np.float32), noise(3, 0.001), noise(3, 0.1), hum(3)],
    ids=["silence", "soft noise", "loud noise", "hum"],
)
def test_vad_takes_nothing_else_for_speech(vad: Vad, sound: Samples) -> None:
    vad.reset()
    assert max(probabilities(vad, sound)) < 0.5


@of(Role.VAD)
def test_vad_forgets_the_stream_on_reset(vad: Vad) -> None:
    speech = clip("monkeys")
    vad.reset()
    first = probabilities(vad, speech)
    assert probabilities(vad, speech) != first
    vad.reset()
    assert probabilities(vad, speech) == first


# Turn end


@of(Role.TURN)
@pytest.mark.parametrize("recording", WORDS)
def test_a_whole_prompt_is_a_turn_and_most_of_one_is_not(turn_end: TurnEnd, recording: str) -> None:
    whole = clip(recording)
    assert turn_end.probability(whole) > 0.8
    assert turn_end.probability(whole[: len(whole) * 4 // 5]) < 0.2


@of(Role.TURN)
def test_only_the_last_eight_seconds_tell_whether_a_turn_is_over(turn_end: TurnEnd) -> None:
    eight_s = np.tile(clip("weasels"), 3)[-8 * SECOND :]
    longer = np.concatenate([clip("monkeys"), eight_s])
    assert turn_end.probability(longer) == turn_end.probability(eight_s)


@of(Role.TURN)
@pytest.mark.parametrize("samples", [0, 1, 100, 20 * SECOND])
def test_any_length_has_a_probability_of_being_a_turn(turn_end: TurnEnd, samples: int) -> None:
    assert 0 <= turn_end.probability(np.zeros(samples, np.float32)) <= 1


# Speech-to-text


def error_rate(said: str, heard: str) -> float:
    return float(jiwer.wer(*comparable(said, heard)))


@of(Role.STT)
def test_stt_hears_the_words(stt: Stt) -> None:
    heard = []
    for recording in WORDS:
        speech = clip(recording)
        speech.flags.writeable = False
        heard.append(stt.transcribe(speech, CancelScope()))
    assert error_rate(" ".join(WORDS.values()), " ".join(heard)) < 0.15


@of(Role.STT)
@pytest.mark.parametrize(
    "sound",
    [np.zeros(3 * SECOND, np.float32), noise(3, 1e-4), noise(3, 0.01), noise(15, 0.1), hum(3)],
    ids=["silence", "near silence", "noise", "long noise", "hum"],
)
def test_stt_hears_no_words_where_there_are_none(stt: Stt, sound: Samples) -> None:
    assert stt.transcribe(sound, CancelScope()) == ""


@of(Role.STT)
@pytest.mark.parametrize("samples", [0, 1, 160, 1599])
def test_stt_hears_no_words_in_less_than_a_tenth_of_a_second(stt: Stt, samples: int) -> None:
    assert stt.transcribe(clip("weasels")[SECOND : SECOND + samples], CancelScope()) == ""


@of(Role.STT)
def test_stt_hears_a_long_utterance_to_its_end(stt: Stt) -> None:
    speech = np.concatenate([clip(name) for name in WORDS] * 4)
    scope = CountedScope()
    assert error_rate(" ".join([*WORDS.values()] * 4), stt.transcribe(speech, scope)) < 0.15
    assert scope.checks > len(speech) / SECOND / 12


@of(Role.STT)
def test_stt_stops_when_cancelled_and_can_be_used_again(stt: Stt) -> None:
    speech = np.concatenate([clip(name) for name in WORDS] * 4)
    with pytest.raises(Cancelled):
        stt.transcribe(speech, cancelled())
    scope = CountedScope(cancel_at=3)
    with pytest.raises(Cancelled):
        stt.transcribe(speech, scope)
    assert scope.checks == 3
    assert error_rate(WORDS["monkeys"], stt.transcribe(clip("monkeys"), CancelScope())) < 0.15


# Chat


@of(Role.LLM)
def test_llm_answers_piece_by_piece_in_no_more_than_it_may(llm: Llm) -> None:
    pieces = list(llm.reply(contract.QUESTION, 6, CancelScope()))
    assert 1 < len(pieces) <= 7
    assert "".join(pieces).strip()


@of(Role.LLM)
def test_llm_counts_more_tokens_for_more_text(llm: Llm) -> None:
    short = llm.count_tokens(contract.QUESTION)
    assert 0 < short < llm.count_tokens(contract.QUESTION * 2) < llm.context_tokens


@of(Role.LLM)
def test_llm_stops_when_cancelled_and_can_be_used_again(llm: Llm) -> None:
    with pytest.raises(Cancelled):
        next(llm.reply(contract.QUESTION, 20, cancelled()))
    with pytest.raises(Cancelled):
        llm.prefill(contract.QUESTION, cancelled())
    scope = CancelScope()
    pieces = llm.reply(contract.QUESTION, 20, scope)
    next(pieces)
    scope.cancel()
    assert_cancelled(pieces)
    assert list(llm.reply(contract.QUESTION, 4, CancelScope()))


# Voices


TEXT = "The red key lies on the shelf, behind the big green box. Take it, and go."


@of(Role.TTS)
def test_tts_makes_sound_of_text(tts: Tts) -> None:
    audio = np.concatenate(list(tts.synthesize(TEXT, CancelScope())))
    assert audio.dtype == np.float32
    assert audio.ndim == 1
    assert 0.1 < np.abs(audio).max() <= 1
    assert 2 < len(audio) / tts.sample_rate < 10


@of(Role.TTS)
@pytest.mark.parametrize("text", ["", " ", "...", "\U0001f600"])
def test_tts_makes_no_noise_of_no_words(tts: Tts, text: str) -> None:
    audio = [*tts.synthesize(text, CancelScope()), np.zeros(0, np.float32)]
    assert len(np.concatenate(audio)) < tts.sample_rate


@of(Role.TTS)
def test_tts_stops_when_cancelled_and_can_be_used_again(tts: Tts) -> None:
    with pytest.raises(Cancelled):
        next(tts.synthesize(TEXT, cancelled()))
    scope = CancelScope()
    chunks = tts.synthesize(" ".join([TEXT] * 8), scope)
    next(chunks)
    scope.cancel()
    assert_cancelled(chunks)
    assert list(tts.synthesize(TEXT, CancelScope()))


def assert_cancelled(rest: Iterator[object]) -> None:
    with pytest.raises(Cancelled):
        next(rest)
