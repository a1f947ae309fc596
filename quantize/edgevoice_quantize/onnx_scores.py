"""Feeds a language model in ONNX text that is given, and reads what it expects at every token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from edgevoice.backends import onnx_llm
from edgevoice.core.bundle import Bundle
from edgevoice.core.history import Message

Scores = NDArray[np.float32]


class OnnxScorer:
    """Fulfils ``Scorer`` of ``llm_quality``, for the engine "onnx-llm"."""

    def __init__(self, bundle: Bundle) -> None:
        """Load the model.

        Raises:
            ModelError: ONNX Runtime cannot load it.

        """
        self._model = onnx_llm.load(bundle)
        self._inputs = {given.name: given.shape for given in self._model.session.get_inputs()}
        self.end = self._model.end or 0
        self.vocabulary: int = self._model.tokenizer.get_vocab_size()

    def render(self, messages: Sequence[Message]) -> list[int]:
        """Return the prompt that the assistant's reply to ``messages`` continues."""
        return self._model.tokens(messages)

    def encode(self, text: str) -> list[int]:
        """Return the tokens of ``text``, without any before or after it."""
        return list(self._model.tokenizer.encode(text, add_special_tokens=False).ids)

    def scores(
        self, tokens: Sequence[int], wanted: Sequence[bool] | None = None
    ) -> Iterator[Scores]:
        """Yield the log-probabilities of all tokens before each of ``tokens`` but the first.

        With ``wanted``, only before those for which it is true.
        """
        fed = np.array([tokens[:-1]], np.int64)
        feeds = {"input_ids": fed, "attention_mask": np.ones_like(fed)}
        if "position_ids" in self._inputs:
            feeds["position_ids"] = np.arange(fed.shape[1])[None]
        empty = {
            name: np.zeros((1, shape[1], 0, shape[3]), np.float32)
            for name, shape in self._inputs.items()
            if name.startswith("past_key_values")
        }
        (logits,) = self._model.session.run(["logits"], {**feeds, **empty})
        for row in logits[0] if wanted is None else logits[0][list(wanted[1:])]:
            shifted = row - row.max()
            yield shifted - np.log(np.exp(shifted).sum())
