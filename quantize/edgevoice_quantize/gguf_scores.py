"""Feeds a GGUF model text that is given, and reads what it expects at every token of it."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import llama_cpp as lib
import numpy as np
from numpy.typing import NDArray

from edgevoice.backends.gguf_native import NativeModel
from edgevoice.backends.gguf_prompt import Prompts
from edgevoice.core.history import Message
from edgevoice.errors import BackendFailed

Scores = NDArray[np.float32]

PIECE = 64
"""Tokens evaluated at once: there is a row of scores for each, as long as the vocabulary."""

Watch = Callable[[int, bool], bool]
"""Called with the address of each ``ggml_tensor`` of the graph: before it is computed, with True,
to ask whether it is wanted; if so again afterwards, with False; False then ends the evaluation."""


class GgufScorer:
    """One model and one context. Use it from one thread. Fulfils ``Scorer`` of ``llm_quality``."""

    def __init__(
        self, path: Path, *, most_tokens: int = 512, threads: int = 1, watch: Watch | None = None
    ) -> None:
        """Load the model, for texts of up to ``most_tokens``.

        Raises:
            ModelError: llama.cpp cannot load the file.
            BackendFailed: there is no memory for the context.

        """
        self.model = NativeModel(path, mapped=True)
        self.end = self.model.eos
        self.vocabulary: int = lib.llama_vocab_n_tokens(self.model.vocab)
        params = lib.llama_context_default_params()
        params.n_ctx = -(-most_tokens // 256) * 256  # llama.cpp pads it to that
        params.n_batch = params.n_ubatch = params.n_outputs_max = PIECE
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        if watch:
            self._watch = lib.ggml_backend_sched_eval_callback(
                lambda tensor, asked, _: watch(tensor, asked)
            )
            params.cb_eval = self._watch
        self._context = lib.llama_init_from_model(self.model.pointer, params)
        if not self._context:
            raise BackendFailed(f"llama.cpp cannot hold {most_tokens} tokens of {path.name}.")
        self._prompts: Prompts | None = None
        self._batch = lib.llama_batch_init(PIECE, 0, 1)
        weakref.finalize(self, _free, self._context, self._batch).atexit = False

    def render(self, messages: Sequence[Message]) -> list[int]:
        """Return the prompt that the assistant's reply to ``messages`` continues.

        Raises:
            ModelError: the model has no chat template.

        """
        self._prompts = self._prompts or Prompts(self.model)
        return self._prompts.tokens(messages)

    def encode(self, text: str) -> list[int]:
        """Return the tokens of ``text``, without any before or after it."""
        return self.model.tokenize(text, markup=False)

    def scores(
        self, tokens: Sequence[int], wanted: Sequence[bool] | None = None
    ) -> Iterator[Scores]:
        """Yield the log-probabilities of all tokens before each of ``tokens`` but the first.

        With ``wanted``, only before those for which it is true: the others cost less.
        """
        lib.llama_memory_clear(lib.llama_get_memory(self._context), True)
        after = list(wanted[1:]) if wanted else [True] * (len(tokens) - 1)
        for start in range(0, len(after), PIECE):
            piece = after[start : start + PIECE]
            self._evaluate(tokens[start : start + len(piece)], start, piece)
            if count := sum(piece):
                pointer = lib.llama_get_logits(self._context)
                rows = np.ctypeslib.as_array(
                    ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)),
                    shape=(count, self.vocabulary),
                )
                yield from map(_log_softmax, rows)

    def _evaluate(self, tokens: Sequence[int], start: int, wanted: Sequence[bool]) -> None:
        batch = self._batch
        batch.n_tokens = len(tokens)
        for at, token in enumerate(tokens):
            batch.token[at] = token
            batch.pos[at] = start + at
            batch.logits[at] = wanted[at]
            batch.n_seq_id[at] = 1
            batch.seq_id[at][0] = 0
        if status := lib.llama_decode(self._context, batch):
            raise BackendFailed(f"llama.cpp could not evaluate a text: status {status}.")


def _log_softmax(scores: Scores) -> Scores:
    shifted: Scores = scores - scores.max()
    shifted -= np.log(np.exp(shifted).sum())
    return shifted


def _free(context: int, batch: lib.llama_batch) -> None:
    lib.llama_batch_free(batch)
    lib.llama_free(context)
