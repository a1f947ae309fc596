"""llama.cpp as two objects, a model and a context. Calls of its C API; nothing is decided here."""

from __future__ import annotations

import ctypes
import os
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import llama_cpp as lib

from edgevoice.errors import BackendFailed, ModelError

_KV_TYPES = {"f16": lib.GGML_TYPE_F16, "q8_0": lib.GGML_TYPE_Q8_0}

_SEQUENCE = 0
"""The one sequence that a context holds."""

_LOG_ERROR = 4
_ABORTED = 2

SMALL_WORK = 2.5e9
"""Bytes of weights times tokens. So little is read as fast by one thread as by two, which wait for
each other at every layer, and for whatever else needs their cores: ``python -m bench.llm``."""

_LONGEST_PIECE = 256
"""Bytes of a token's text to ask for first; few tokens are longer."""

_errors: deque[str] = deque(maxlen=2)


@lib.llama_log_callback  # type: ignore[untyped-decorator] # ctypes knows no such types
def _log(level: int, text: bytes, _data: object) -> None:
    """Keep errors for our own messages; llama.cpp's lines would tear the terminal view."""
    if level == _LOG_ERROR:
        _errors.append(text.decode("utf-8", "replace").strip())


lib.llama_log_set(_log, ctypes.c_void_p())
lib.llama_backend_init()

_read_flag = ctypes.cast(ctypes.CDLL(None).atoi, lib.ggml_abort_callback)
"""Tells llama.cpp whether to stop, before each node of its graph, without Python's lock.

C's ``atoi`` reads "0" or "1" from the buffer that it is given, which is all there is to do.
"""


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """How much a context holds, and how it computes. ``kv_type`` is "f16" or "q8_0"."""

    tokens: int
    piece_tokens: int
    threads: int
    prompt_threads: int
    kv_type: str


class NativeModel:
    """Weights and vocabulary. Freed with the last reference."""

    def __init__(self, path: Path, *, mapped: bool) -> None:
        """Load the file; ``mapped`` weights stay in the page cache, others are copied."""
        _errors.clear()
        params = lib.llama_model_default_params()
        params.load_mode = lib.LLAMA_LOAD_MODE_MMAP if mapped else lib.LLAMA_LOAD_MODE_NONE
        pointer = lib.llama_model_load_from_file(os.fsencode(path), params)
        if not pointer:
            raise ModelError(f"llama.cpp cannot load {path.name}: {_last_error()}")
        self.pointer = pointer
        _free_with(self, lib.llama_model_free, pointer)
        self.vocab = lib.llama_model_get_vocab(pointer)
        self.adds_bos = lib.llama_vocab_get_add_bos(self.vocab)
        self.bos = lib.llama_vocab_bos(self.vocab)
        self.eos = lib.llama_vocab_eos(self.vocab)

    def template(self) -> str:
        """Return the Jinja source of the chat template, "" when there is none."""
        source = lib.llama_model_chat_template(self.pointer, None)
        return source.decode("utf-8", "replace") if source else ""

    def tokenize(self, text: str, *, markup: bool) -> list[int]:
        """Return the tokens of ``text``; with ``markup``, "<|im_end|>" and its like are one."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        while True:
            tokens = (lib.llama_token * room)()
            count = lib.llama_tokenize(self.vocab, data, len(data), tokens, room, False, markup)
            if count >= 0:
                return tokens[:count]
            room = -count

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token's text, which may be part of a character; of markup, none."""
        return self._piece(token, markup=False)

    def markup(self, token: int) -> str:
        """Return how ``token`` is written in a prompt."""
        return self._piece(token, markup=True).decode("utf-8", "replace")

    def is_control(self, token: int) -> bool:
        """Whether ``token`` is markup and no text."""
        return bool(lib.llama_vocab_is_control(self.vocab, token))

    def ends_reply(self, token: int) -> bool:
        """Whether nothing from ``token`` on belongs to the reply."""
        return bool(lib.llama_vocab_is_eog(self.vocab, token)) or self.is_control(token)

    def _piece(self, token: int, *, markup: bool) -> bytes:
        room = _LONGEST_PIECE
        while True:
            buffer = ctypes.create_string_buffer(room)
            length = lib.llama_token_to_piece(self.vocab, token, buffer, room, 0, markup)
            if length >= 0:
                return buffer.raw[:length]
            room = -length


class NativeContext:
    """The cache and the working memory for one sequence of tokens. Freed with the last reference.

    All calls come from one thread; only the flag is set from others.
    """

    def __init__(self, model: NativeModel, settings: ContextSettings) -> None:
        _errors.clear()
        params = lib.llama_context_default_params()
        params.n_ctx = settings.tokens
        params.n_batch = params.n_ubatch = settings.piece_tokens
        # Only the last token's output is ever looked at. A row for each would multiply the
        # working memory by the vocabulary.
        params.n_outputs_max = 1
        self._threads, self._prompt_threads = settings.threads, settings.prompt_threads
        params.type_k = params.type_v = _KV_TYPES[settings.kv_type]
        params.no_perf = True
        pointer = lib.llama_init_from_model(model.pointer, params)
        if not pointer:
            raise BackendFailed(
                f"llama.cpp cannot hold {settings.tokens} tokens: {_last_error()}",
                hint="--set llm.context=1024",
            )
        self._model = model  # outlives the context
        self._pointer = pointer
        _free_with(self, lib.llama_free, pointer)
        self._memory = lib.llama_get_memory(pointer)
        self._weights = int(lib.llama_model_size(model.pointer))
        self._flag = ctypes.create_string_buffer(b"0")
        self.can_move: bool = lib.llama_memory_can_shift(self._memory)
        self.tokens: int = lib.llama_n_ctx(pointer)

    def stop_flag(self) -> ctypes.Array[ctypes.c_char]:
        """Return a new flag for the calls that follow: its value b"1" stops ``decode``."""
        self._flag = ctypes.create_string_buffer(b"0")
        address = ctypes.cast(self._flag, ctypes.c_void_p)
        lib.llama_set_abort_callback(self._pointer, _read_flag, address)
        return self._flag

    def decode(self, tokens: Sequence[int], *, output: bool) -> bool:
        """Evaluate ``tokens``, at most a piece, behind those in the cache.

        Only after an ``output`` of the last token is there one to ``sample``. Returns False when
        the flag stopped it; then the cache is as before.
        """
        small = len(tokens) * self._weights < SMALL_WORK
        readers = self._threads if small else self._prompt_threads
        lib.llama_set_n_threads(self._pointer, self._threads, readers)
        buffer = (lib.llama_token * len(tokens))(*tokens)  # the batch only points to it
        batch = lib.llama_batch_get_one(buffer, len(tokens))
        if not output:
            batch.logits = (ctypes.c_int8 * len(tokens))()
        status = lib.llama_decode(self._pointer, batch)
        if status not in {0, _ABORTED}:
            raise BackendFailed(f"llama.cpp failed with status {status}: {_last_error()}")
        return bool(status == 0)

    def rewind(self, kept: int) -> bool:
        """Remove all but the first ``kept`` tokens. False when the architecture cannot."""
        return bool(lib.llama_memory_seq_rm(self._memory, _SEQUENCE, kept, -1))

    def close_hole(self, start: int, length: int) -> bool:
        """Remove ``length`` tokens at ``start``; those behind close up. False if it cannot."""
        if not lib.llama_memory_seq_rm(self._memory, _SEQUENCE, start, start + length):
            return False
        lib.llama_memory_seq_add(self._memory, _SEQUENCE, start + length, -1, -length)
        return True

    def clear(self) -> None:
        """Remove all tokens."""
        lib.llama_memory_clear(self._memory, True)

    def set_threads(self, threads: int, prompt_threads: int) -> None:
        """Use ``threads`` for few tokens and ``prompt_threads`` for many, from now on."""
        self._threads, self._prompt_threads = threads, prompt_threads

    def sample(self, sampler: lib.llama_sampler_p) -> int:
        """Choose the next token by the last one's output."""
        return int(lib.llama_sampler_sample(sampler, self._pointer, -1))

    def state(self) -> bytes:
        """Return the cache's content, for ``set_state`` of an equal context."""
        size = lib.llama_state_seq_get_size(self._pointer, _SEQUENCE)
        buffer = (ctypes.c_uint8 * size)()
        written = lib.llama_state_seq_get_data(self._pointer, buffer, size, _SEQUENCE)
        return bytes(memoryview(buffer)[:written])

    def set_state(self, state: bytes) -> bool:
        """Replace the cache's content. False when it does not fit this context."""
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        return bool(lib.llama_state_seq_set_data(self._pointer, buffer, len(state), _SEQUENCE))


def _free_with(owner: object, free: Callable[[int], None], pointer: int) -> None:
    # Not at the process's end, when another thread may still be inside a native call.
    weakref.finalize(owner, free, pointer).atexit = False


def _last_error() -> str:
    return _errors[-1] if _errors else "it does not say why."
