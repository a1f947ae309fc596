"""How far one GGUF file's choice of words strays from another's, over a fixed talk."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import llama_cpp as lib
import numpy as np
from numpy.typing import NDArray

from edgevoice.backends.gguf_native import NativeModel

TALK = Path(__file__).with_name("llm_talk.txt").read_text("utf-8").splitlines()
"""Questions and answers in turn, written for this bench."""

SYSTEM = "You are a friendly voice assistant. Answer in one or two short, plain sentences."
PIECE = 64

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Divergence:
    """Over the words of the answers: how the candidate differs from the reference."""

    tokens: int
    kl: float
    same_top: float
    perplexity: float
    reference_perplexity: float


def divergence(reference: Path, candidate: Path) -> Divergence:
    """Compare what both files expect at each token of the talk's answers."""
    kls, same, reference_loss, loss = [], 0, 0.0, 0.0
    pairs = zip(_expectations(reference), _expectations(candidate), strict=True)
    for (token, wanted), (_, got) in pairs:
        kls.append(float(np.sum(np.exp(wanted) * (wanted - got))))
        same += int(wanted.argmax() == got.argmax())
        reference_loss -= float(wanted[token])
        loss -= float(got[token])
    count = len(kls)
    return Divergence(
        tokens=count,
        kl=round(sum(kls) / count, 4),
        same_top=round(same / count, 3),
        perplexity=round(math.exp(loss / count), 2),
        reference_perplexity=round(math.exp(reference_loss / count), 2),
    )


def _expectations(path: Path) -> Iterator[tuple[int, Scores]]:
    """Yield each token of the answers with the log-probabilities of all tokens before it came."""
    model = NativeModel(path, mapped=True)
    tokens, spoken = _talk(model)
    vocabulary = lib.llama_vocab_n_tokens(model.vocab)
    params = lib.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch = 2048, PIECE, PIECE
    params.n_threads = params.n_threads_batch = 1
    context = lib.llama_init_from_model(model.pointer, params)
    batch = lib.llama_batch_init(PIECE, 0, 1)
    try:
        for start in range(0, len(tokens) - 1, PIECE):
            part = tokens[start : start + PIECE]
            _fill(batch, part, start)
            if lib.llama_decode(context, batch):
                raise SystemExit(f"llama.cpp cannot evaluate {path.name}.")
            pointer = ctypes.cast(lib.llama_get_logits(context), ctypes.POINTER(ctypes.c_float))
            logits = np.ctypeslib.as_array(pointer, shape=(len(part), vocabulary))
            for row, scores in enumerate(logits[: len(tokens) - 1 - start]):
                if spoken[start + row + 1]:
                    yield tokens[start + row + 1], _log_softmax(scores)
    finally:
        lib.llama_batch_free(batch)
        lib.llama_free(context)


def _talk(model: NativeModel) -> tuple[list[int], list[bool]]:
    """Return the talk's tokens, and which of them the assistant says."""
    tokens: list[int] = []
    spoken: list[bool] = []

    def add(text: str, *, said: bool) -> None:
        more = model.tokenize(text, markup=True)
        tokens.extend(more)
        spoken.extend([said] * len(more))

    add(f"<|im_start|>system\n{SYSTEM}<|im_end|>\n", said=False)
    for question, answer in zip(TALK[::2], TALK[1::2], strict=True):
        add(f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n", said=False)
        add(f"{answer}<|im_end|>", said=True)
        add("\n", said=False)
    return tokens, spoken


def _fill(batch: lib.llama_batch, tokens: list[int], start: int) -> None:
    batch.n_tokens = len(tokens)
    for at, token in enumerate(tokens):
        batch.token[at] = token
        batch.pos[at] = start + at  # type: ignore[call-overload] # declared as an array of arrays
        batch.logits[at] = 1
        batch.n_seq_id[at] = 1
        batch.seq_id[at][0] = 0


def _log_softmax(scores: Scores) -> Scores:
    shifted = scores - scores.max()
    result: Scores = shifted - np.log(np.exp(shifted).sum())
    return result
