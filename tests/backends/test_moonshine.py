from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgevoice.backends import engines
from edgevoice.backends.moonshine import END, START, Moonshine, agreed
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.core.words import plain_words
from edgevoice.errors import BackendFailed
from tests.recordings import clip

VOCABULARY = {3: "▁wea".encode(), 4: b"sels", 5: b".", 6: "▁♪".encode()}


@pytest.mark.parametrize(
    ("guess", "likeliest", "found"),
    [
        ([], [7], [7]),
        ([7, 8], [7, 8, 9], [7, 8, 9]),
        ([7, 8], [7, 5, 9], [7, 5]),
        ([7, 8], [5, 8, 9], [5]),
    ],
)
def test_of_a_guess_stays_what_is_likeliest(
    guess: list[int], likeliest: list[int], found: list[int]
) -> None:
    assert agreed(guess, likeliest) == found


class FakeEncoder:
    """Remembers how much it was given."""

    def __init__(self) -> None:
        self.heard_s: list[float] = []

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="input_values")]

    def run(self, _outputs: None, feeds: Mapping[str, Any]) -> list[Any]:
        self.heard_s.append(feeds["input_values"].shape[1] / 16_000)
        return [np.zeros((1, 4, 2), np.float32)]


def text(*tokens: int) -> dict[int, int]:
    """What follows each token of a text."""
    return dict(zip([START, *tokens], [*tokens, END], strict=True))


ENDLESS = {START: 7, 7: 7}


class FakeDecoder:
    """Writes one text after the other, the last one again and again, whatever it hears."""

    def __init__(self, *texts: dict[int, int]) -> None:
        self.fed: list[list[int]] = []
        self.held: list[int] = []
        self._texts = list(texts)
        self._follows: dict[int, int] = {}

    def get_inputs(self) -> list[Any]:
        name = "past_key_values.0.decoder.key"
        return [SimpleNamespace(name=name, shape=[1, 1, "past", 1])]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name=n) for n in ("logits", "present.0.decoder.key")]

    def run(self, _outputs: None, feeds: Mapping[str, Any]) -> list[Any]:
        tokens = [int(token) for token in feeds["input_ids"][0]]
        self.fed.append(tokens)
        if not feeds["use_cache_branch"][0]:
            self._follows = self._texts.pop(0) if len(self._texts) > 1 else self._texts[0]
        logits = np.zeros((1, len(tokens), 8), np.float32)
        for place, token in enumerate(tokens):
            logits[0, place, self._follows.get(token, END)] = 1
        self.held.append(feeds["past_key_values.0.decoder.key"].shape[2])
        return [logits, np.zeros((1, 1, self.held[-1] + len(tokens), 1), np.float32)]


def test_silence_is_put_around_the_words() -> None:
    encoder = FakeEncoder()
    stt = Moonshine(encoder, FakeDecoder(text(3, 4, 5)), VOCABULARY)
    assert stt.transcribe(clip("weasels"), CancelScope()) == "weasels."
    assert encoder.heard_s == [pytest.approx(len(clip("weasels")) / 16_000 + 0.2, abs=1e-4)]


def test_what_was_heard_last_is_checked_in_one_step() -> None:
    decoder = FakeDecoder(text(3, 4), text(3, 4, 5))
    stt = Moonshine(FakeEncoder(), decoder, VOCABULARY)
    assert stt.transcribe(clip("weasels"), CancelScope()) == "weasels"
    decoder.fed.clear()
    assert stt.transcribe(clip("weasels"), CancelScope()) == "weasels."
    assert decoder.fed == [[START, 3, 4], [5]]


def test_a_wrong_guess_is_corrected() -> None:
    decoder = FakeDecoder(text(3, 5), text(3, 4, 5))
    stt = Moonshine(FakeEncoder(), decoder, VOCABULARY)
    stt.transcribe(clip("weasels"), CancelScope())
    decoder.fed.clear()
    decoder.held.clear()
    assert stt.transcribe(clip("weasels"), CancelScope()) == "weasels."
    assert decoder.fed == [[START, 3, 5], [4], [5]]
    assert decoder.held == [0, 2, 3]


def test_it_hears_again_what_repeats_itself() -> None:
    encoder = FakeEncoder()
    stt = Moonshine(encoder, FakeDecoder(ENDLESS, text(3, 4)), VOCABULARY)
    assert stt.transcribe(clip("weasels"), CancelScope()) == "weasels"
    first_s, second_s = encoder.heard_s
    assert second_s - first_s == pytest.approx(0.4, abs=1e-4)


def test_notes_of_music_are_no_words() -> None:
    stt = Moonshine(FakeEncoder(), FakeDecoder(text(6, 6)), VOCABULARY)
    assert stt.transcribe(clip("weasels"), CancelScope()) == ""


def test_the_librarys_error_is_a_failed_backend() -> None:
    encoder = FakeEncoder()
    encoder.run = lambda *_: 1 / 0  # type: ignore[assignment,method-assign]
    with pytest.raises(BackendFailed, match="division by zero"):
        Moonshine(encoder, FakeDecoder(text(3)), VOCABULARY).transcribe(
            clip("weasels"), CancelScope()
        )


@pytest.mark.models
@pytest.mark.parametrize("name", ["weasels", "monkeys", "which-folder", "who-sent-it"])
def test_a_growing_utterance_ends_in_the_same_words_and_takes_few_steps(
    bundle: Callable[[str], Bundle], name: str
) -> None:
    stt = engines.load(bundle("moonshine-tiny-en"))
    speech, scope = clip(name), CancelScope()
    alone = stt.transcribe(speech, scope)
    alone_steps = stt.steps
    for length in range(16_000, len(speech), 6_000):
        stt.transcribe(speech[:length], scope)
    before = stt.steps
    again = stt.transcribe(speech, scope)
    assert plain_words(again) == plain_words(alone)
    assert stt.steps - before < alone_steps / 2
