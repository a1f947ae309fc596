"""A language model's ONNX graph against its source: logits and a greedy reply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgevoice_export.checkpoint import Checkpoint
from edgevoice_export.llm_reference import (
    LENGTHS,
    REPLY_TOKENS,
    TEXT,
    Floats,
    LlmReference,
    divergence,
)
from edgevoice_export.record import Comparison
from edgevoice_export.sessions import open_session

KL_TOLERANCE = 1e-5
"""Nats: both sides compute in float32, in another order of sums."""


def compare(source: Checkpoint, file: Path) -> list[Comparison]:
    """Feed both the same text: in one piece, then token by token onto the cache."""
    reference, model = LlmReference(source), _Model(open_session(file))
    tokens = reference.tokens(TEXT)
    expected = reference.logits(tokens[: LENGTHS[-1] + 1])
    found = []
    for length in LENGTHS:
        model.reset()
        for start, end in ((0, length), (length, length + 1)):
            off = divergence(model(tokens[start:end]), expected[end - 1])
            where = f"logits, {end - start} tokens after {start}"
            found.append(Comparison(where, "KL divergence", off, KL_TOLERANCE))
    prompt = tokens[: LENGTHS[0]]
    model.reset()
    fed, greedy = prompt, list[int]()
    while len(greedy) < REPLY_TOKENS:
        fed = [int(model(fed).argmax())]
        greedy += fed
    said = reference.greedy(prompt, REPLY_TOKENS)
    differing = sum(a != b for a, b in zip(said, greedy, strict=True))
    found.append(Comparison(f"{REPLY_TOKENS} tokens of greedy decoding", "different", differing, 0))
    return found


class _Model:
    """Steps of the graph, with its cache."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._outputs = [output.name for output in session.get_outputs()]
        self._inputs = {given.name: given.shape for given in session.get_inputs()}
        self.reset()

    def reset(self) -> None:
        """Empty the cache."""
        self._length = 0
        self._cache = {
            name: np.zeros((1, shape[1], 0, shape[3]), np.float32)
            for name, shape in self._inputs.items()
            if name.startswith("past_key_values")
        }

    def __call__(self, tokens: list[int]) -> Floats:
        """Return the logits after ``tokens``."""
        start, self._length = self._length, self._length + len(tokens)
        feeds: dict[str, Any] = {
            "input_ids": np.array([tokens], np.int64),
            "attention_mask": np.ones((1, self._length), np.int64),
            **self._cache,
        }
        if "position_ids" in self._inputs:
            feeds["position_ids"] = np.arange(start, self._length)[None]
        given = dict(zip(self._outputs, self._session.run(None, feeds), strict=True))
        self._cache = {
            name: given[name.replace("past_key_values", "present")] for name in self._cache
        }
        return np.asarray(given["logits"][0, -1], np.float32)
