"""A causal language model as transformers computes it: what exports are held against."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

from edgevoice_export.checkpoint import Checkpoint

Floats = NDArray[np.float32]

TEXT = (
    "It was 07:45 on the 3rd of May when Zoë's train left platform 12 — late, as usual!\n\n"
    "She had paid £1,280.50 for two tickets; her brother (who is 29) hadn't paid anything. "
    "\tdef area(r): return 3.14159 * r ** 2\n"
    "They talked of the weather, of old friends, and of what one might cook from three eggs, "
    "a little flour and some milk. By noon they were in the hills, where the air is thin and "
    "clear and the road winds along the river. „Ist hier noch frei?“ asked an old man. 你好。"
)
"""Digits, signs, spaces, code and other alphabets: where tokenizers differ, they differ here."""

LENGTHS = (32, 120)
"""Tokens fed at once before single ones follow: also the offsets of those in the cache."""

REPLY_TOKENS = 24


class LlmReference:
    """The model of a checkpoint in float32, and its tokenizer."""

    def __init__(self, source: Checkpoint) -> None:
        """Load both."""
        self._tokenizer = AutoTokenizer.from_pretrained(source.folder)
        self._model = AutoModelForCausalLM.from_pretrained(
            source.folder, dtype=torch.float32
        ).eval()

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of ``text``, without any before or after it."""
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def logits(self, tokens: list[int]) -> Floats:
        """Return the logits after each of ``tokens``, shape (n, vocabulary)."""
        with torch.inference_mode():
            return np.asarray(self._model(torch.tensor([tokens])).logits[0].numpy(), np.float32)

    def greedy(self, tokens: list[int], count: int) -> list[int]:
        """Return the ``count`` tokens that follow when the likeliest is always taken."""
        cache, fed = None, tokens
        said: list[int] = []
        with torch.inference_mode():
            while len(said) < count:
                out = self._model(torch.tensor([fed]), past_key_values=cache, use_cache=True)
                cache, fed = out.past_key_values, [int(out.logits[0, -1].argmax())]
                said += fed
        return said


def divergence(given: Floats, wanted: Floats) -> float:
    """Return the Kullback-Leibler divergence in nats of what ``given`` predicts from ``wanted``."""
    p, q = _log_softmax(wanted), _log_softmax(given)
    return float(np.sum(np.exp(p) * (p - q)))


def _log_softmax(logits: Floats) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - float(logits.max())
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))
