"""Steps of the merged decoder graph that Hugging Face's optimum writes for speech-to-text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

INPUTS = frozenset({"input_ids", "encoder_hidden_states", "use_cache_branch"})
"""What every such graph takes, beside its cache."""

MASK = "encoder_attention_mask"

_ALL = np.ones((1, 1), np.int64)
"""All frames count. The graph expects a value for each sample of sound, takes every 384th, and
spreads a single one over all frames."""


class MergedDecoder:
    """The decoder and its cache for one piece of speech at a time."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._outputs = [output.name for output in session.get_outputs()]
        given = {taken.name: taken.shape for taken in session.get_inputs()}
        self._empty = {
            name: np.zeros((1, shape[1], 0, shape[3]), np.float32)
            for name, shape in given.items()
            if name.startswith("past_key_values")
        }
        self._masked = MASK in given
        self._cache: dict[str, Floats] = {}
        self._speech: dict[str, NDArray[Any]] = {}
        self._first = True

    def start(self, heard: Floats) -> None:
        """Begin with what an encoder made of some speech, shape (1, frames, width)."""
        self._speech = {"encoder_hidden_states": heard}
        if self._masked:
            self._speech[MASK] = _ALL
        self._cache = dict(self._empty)
        self._first = True

    def feed(self, tokens: Sequence[int]) -> Floats:
        """Bring ``tokens`` into the cache; return the logits after each, shape (tokens, words)."""
        feeds = {
            "input_ids": np.array([tokens], np.int64),
            "use_cache_branch": np.array([not self._first]),
            **self._speech,
            **self._cache,
        }
        made = dict(zip(self._outputs, self._session.run(None, feeds), strict=True))
        for name in self._cache:
            # After the first step the encoder's keys and values come out empty: they are known.
            if self._first or ".encoder." not in name:
                self._cache[name] = made[name.replace("past_key_values", "present")]
        self._first = False
        logits: Floats = made["logits"][0]
        return logits

    def rewind(self, kept: int) -> None:
        """Leave only the first ``kept`` tokens in the cache."""
        for name, values in self._cache.items():
            if ".decoder." in name:
                self._cache[name] = values[:, :, :kept]
