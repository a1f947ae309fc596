"""Moonshine through ONNX Runtime: its cost follows the length of the utterance.

A growing utterance is heard again and again while its speaker goes on. What it was heard as the
last time is a guess at the words now: the decoder checks all of a guess in one step and writes
only what differs (speculative decoding, Leviathan et al. 2023). sherpa-onnx runs these models too,
and takes no guesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgevoice.backends.merged_decoder import INPUTS, Floats, MergedDecoder
from edgevoice.backends.model_files import find
from edgevoice.backends.onnx_session import open_session
from edgevoice.backends.protocols import Samples
from edgevoice.backends.token_table import read_tokens, spelled
from edgevoice.backends.utterance import is_speechless, most_tokens, padded, windows
from edgevoice.cancel import Cancelled, CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.errors import BackendFailed

LONGEST_S = 12.0
"""More at once, and it leaves out sentences; less, and it lacks context."""

PADDING_S = 0.1
"""Silence before and after: cut tight, the first and the last word suffer.

``python -m bench.moonshine_windows`` compares lengths and paddings.
"""

OTHER_PADDING_S = 0.3
"""For a second try: another alignment of the same words seldom goes wrong in the same place."""

START, END = 1, 2
"""The tokens before and after a text, in all of Moonshine's vocabularies."""


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take."""
    return bundle.memory_mb or 50 + 2.5 * bundle.size_mb


def load(bundle: Bundle, *, threads: int = 1) -> Moonshine:
    """Load the model.

    Raises:
        ModelError: a file is absent or damaged.

    """
    encoder, decoder = find(bundle, "encoder*.o*"), find(bundle, "decoder*.o*")
    return Moonshine(
        open_session(encoder, threads=threads, inputs={"input_values"}),
        open_session(decoder, threads=threads, inputs=INPUTS),
        read_tokens(find(bundle, "tokens.txt")),
    )


class Moonshine:
    """Fulfils ``Stt``."""

    def __init__(self, encoder: Any, decoder: Any, tokens: dict[int, bytes]) -> None:
        self._encoder, self._decoder, self._tokens = encoder, MergedDecoder(decoder), tokens
        self._masked = any(given.name == "attention_mask" for given in encoder.get_inputs())
        self._heard_last: list[list[int]] = []
        self.steps = 0
        """Runs of the decoder so far: what guesses save."""

    def transcribe(self, utterance: Samples, scope: CancelScope) -> str:
        """Return the words of ``utterance`` (16 kHz), "" when there are none.

        Raises:
            Cancelled: ``scope`` was cancelled.
            BackendFailed: the native library reported an error.

        """
        heard = []
        for number, window in enumerate(windows(utterance, LONGEST_S)):
            scope.check()
            guess = self._heard_last[number] if number < len(self._heard_last) else []
            heard.append([] if is_speechless(window) else self._hear(window, guess, scope))
        scope.check()
        self._heard_last = heard
        return " ".join(filter(None, map(self._text, heard)))

    def _text(self, tokens: list[int]) -> str:
        # It writes notes for what it takes to be music.
        return spelled([self._tokens.get(token, b"") for token in tokens]).strip("♪ ")

    def _hear(self, window: Samples, guess: Sequence[int], scope: CancelScope) -> list[int]:
        """Return the tokens of ``window``, heard again when the first ones repeat themselves."""
        most = most_tokens(window)
        try:
            heard = self._encode(padded(window, PADDING_S, PADDING_S))
            tokens = self._decode(heard, guess, most, scope)
            if len(tokens) > most:
                heard = self._encode(padded(window, OTHER_PADDING_S, OTHER_PADDING_S))
                tokens = self._decode(heard, [], most, scope)
        except Cancelled:
            raise
        except Exception as error:
            raise BackendFailed(f"ONNX Runtime failed: {error}") from error
        return tokens

    def _encode(self, samples: Samples) -> Floats:
        feeds: dict[str, Any] = {"input_values": samples[None]}
        if self._masked:
            feeds["attention_mask"] = np.ones((1, len(samples)), np.int64)
        heard: Floats = self._encoder.run(None, feeds)[0]
        return heard

    def _decode(
        self, heard: Floats, guess: Sequence[int], most: int, scope: CancelScope
    ) -> list[int]:
        """Return the tokens of ``heard``, one more than ``most`` when there is no end to them."""
        scope.check()
        self._decoder.start(heard)
        tokens = agreed(guess, self._likeliest([START, *guess]))
        self._decoder.rewind(len(tokens))  # START and all but the last
        while tokens[-1] != END and len(tokens) <= most:
            scope.check()
            tokens += self._likeliest(tokens[-1:])
        return [token for token in tokens if token != END]

    def _likeliest(self, tokens: Sequence[int]) -> list[int]:
        """Return what most likely follows each of ``tokens``, which come next."""
        self.steps += 1
        return [int(token) for token in self._decoder.feed(tokens).argmax(axis=-1)]


def agreed(guess: Sequence[int], likeliest: Sequence[int]) -> list[int]:
    """Return the tokens of ``guess`` up to the first that is not the likeliest, and that one.

    ``likeliest`` has one token more than ``guess``: what follows all of it.
    """
    for place, (guessed, likely) in enumerate(zip(guess, likeliest, strict=False)):
        if guessed != likely:
            return [*guess[:place], likely]
    return [*guess, likeliest[len(guess)]]
