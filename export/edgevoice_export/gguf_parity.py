"""A GGUF file in llama.cpp against its source: tokens, logits, and a greedy reply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import llama_cpp
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

KL_TOLERANCE = 1e-3
"""Nats. float16 weights give about 1e-5; the mildest quantization, Q8_0, gives 5e-3."""


def compare(source: Checkpoint, file: Path) -> list[Comparison]:
    """Feed both the same text: in one piece, then token by token onto the cache."""
    reference = LlmReference(source)
    model: Any = llama_cpp.Llama(
        str(file), n_ctx=512, n_batch=512, n_threads=1, n_threads_batch=1, verbose=False
    )
    tokens = reference.tokens(TEXT)
    given = model.tokenize(TEXT.encode(), add_bos=False, special=False)
    differing = sum(a != b for a, b in zip(tokens, given, strict=False))
    differing += abs(len(tokens) - len(given))
    found = [Comparison("tokens of a text", "different", differing, 0)]
    expected = reference.logits(tokens[: LENGTHS[-1] + 1])
    for length in LENGTHS:
        model.reset()
        for start, end in ((0, length), (length, length + 1)):
            model.eval(tokens[start:end])
            off = divergence(_last_logits(model), expected[end - 1])
            where = f"logits, {end - start} tokens after {start}"
            found.append(Comparison(where, "KL divergence", off, KL_TOLERANCE))
    prompt = tokens[: LENGTHS[0]]
    said = reference.greedy(prompt, REPLY_TOKENS)
    model.reset()
    greedy = _greedy(model, prompt)
    differing = sum(a != b for a, b in zip(said, greedy, strict=True))
    found.append(Comparison(f"{REPLY_TOKENS} tokens of greedy decoding", "different", differing, 0))
    model.close()
    return found


def _greedy(model: Any, tokens: list[int]) -> list[int]:
    said: list[int] = []
    while len(said) < REPLY_TOKENS:
        model.eval(said[-1:] or tokens)
        said.append(int(_last_logits(model).argmax()))
    return said


def _last_logits(model: Any) -> Floats:
    logits = llama_cpp.llama_get_logits_ith(model.ctx, -1)
    return np.array(np.ctypeslib.as_array(logits, shape=(model.n_vocab(),)), np.float32)
