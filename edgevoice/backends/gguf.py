"""Chat models in GGUF files, through llama.cpp."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edgevoice.backends.gguf_header import GgufHeader, read_header
from edgevoice.core.bundle import Bundle
from edgevoice.core.history import Message
from edgevoice.errors import ModelDamaged, ModelError, ModelMissing

if TYPE_CHECKING:
    from edgevoice.backends.gguf_llm import GgufLlm

CONTEXT_STEP = 256
"""Contexts are multiples of this, because llama.cpp pads them to it."""

PIECE_TOKENS = 128
"""Tokens of a prompt that are evaluated at once: larger is faster, and takes more working memory.
``python -m bench.llm`` compares sizes."""

PROMPT_THREADS = min(2, os.cpu_count() or 1)
"""Threads that read a prompt, between speech-to-text and the first clause, when the cores are
free. Decoding goes on beside the voice, and two threads for one token wait for each other."""

KV_BYTES = {"f16": 2.0, "q8_0": 34 / 32}
"""Bytes per value of the attention cache, by its type."""

LIBRARY_MB = 20.0
"""Resident memory of llama.cpp, its Python package and what that imports."""

VOCABULARY_BYTES = 400
"""Resident memory per token of the vocabulary: its text, and its place in two tables."""

_REPACKED = {2, 10, 12, 20, 39}
_REPACKED_ON_ARM = {8, 13, 14}
"""ggml's numbers of the types that it lays out anew for the processor, in memory of its own
(``ggml_repack_get_optimal_repack_type``)."""

DEFAULTS = {"kv_type": "f16", "min_p": "0.1", "loop_penalty": "0.8"}
"""Options that a bundle may set otherwise."""


def need_mb(bundle: Bundle, context_tokens: int = 2048) -> float:
    """Return the resident memory in MB that ``load`` will take.

    Raises:
        ModelError: the file is absent or damaged.

    """
    header = _header(_file(bundle))
    tokens = _context(context_tokens, header)
    kv = tokens * header.kv_bytes_per_token(KV_BYTES[_option(bundle, "kv_type", KV_BYTES)])
    vocabulary = header.vocabulary * VOCABULARY_BYTES
    total = header.tensor_bytes + kv + _compute_bytes(header, tokens) + vocabulary
    return LIBRARY_MB + total / 1e6


def mapped_mb(bundle: Bundle) -> float:
    """Return how much of ``need_mb`` are weights that the system may drop and read again.

    Raises:
        ModelError: the file is absent or damaged.

    """
    header = read_header(_file(bundle))
    return 0.0 if copied_on_load(header) else header.tensor_bytes / 1e6


def load(
    bundle: Bundle,
    *,
    threads: int = 1,
    context_tokens: int = 2048,
    temperature: float = 0.0,
    seed: int = 0,
    prefix_file: Path | None = None,
) -> GgufLlm:
    """Load a model; ``context_tokens`` is rounded up to 256, down to what it was trained for.

    ``temperature`` 0 takes the likeliest token each time; else ``seed`` decides. In
    ``prefix_file`` the system's words are kept as the cache holds them, for the next start.

    Raises:
        ModelError: the file is absent, damaged, or no chat model.
        BackendFailed: there is no memory for the context.

    """
    # llama.cpp enters the process with the first model, not with the first question about one.
    from edgevoice.backends.gguf_llm import GgufLlm
    from edgevoice.backends.gguf_native import ContextSettings, NativeModel
    from edgevoice.backends.gguf_sampler import Sampling

    path = _file(bundle)
    header = _header(path)
    settings = ContextSettings(
        tokens=_context(context_tokens, header),
        piece_tokens=PIECE_TOKENS,
        threads=threads,
        prompt_threads=max(threads, PROMPT_THREADS),
        kv_type=_option(bundle, "kv_type", KV_BYTES),
    )
    sampling = Sampling(
        temperature=temperature,
        min_p=_number(bundle, "min_p"),
        loop_penalty=_number(bundle, "loop_penalty"),
        seed=seed,
    )
    model = NativeModel(path, mapped=not copied_on_load(header))
    opening, identity = _opening(bundle), _identity(bundle, path)
    return GgufLlm(
        model, settings, sampling, opening=opening, identity=identity, prefix_file=prefix_file
    )


def _file(bundle: Bundle) -> Path:
    names = sorted(file.name for file in bundle.files if file.name.endswith(".gguf"))
    if not names:
        raise ModelError(f"{bundle.name} has no .gguf file.")
    path = bundle.path(names[0])  # the others are its continuation
    if not path.is_file():
        raise ModelMissing(bundle.name)
    return path


def _header(path: Path) -> GgufHeader:
    header = read_header(path)
    if not all(map(header.size, ("context_length", "embedding_length", "block_count"))):
        raise ModelDamaged(f"{path.name} does not say how large the model is.")
    return header


def _opening(bundle: Bundle) -> list[Message]:
    """Return the option ``opening``: a line of the user's, a line of the assistant's, and so on."""
    lines = bundle.options.get("opening", "").splitlines()
    if len(lines) % 2:
        raise ModelError(f"{bundle.name}: its opening ends with the user's words.")
    return [Message("assistant" if at % 2 else "user", line) for at, line in enumerate(lines)]


def _identity(bundle: Bundle, path: Path) -> str:
    """Return what changes with the weights: their hash, or the file's age where none is known."""
    sha256 = next(file.sha256 for file in bundle.files if file.name == path.name)
    return sha256 or f"{path} {path.stat().st_mtime_ns}"


def _context(wanted: int, header: GgufHeader) -> int:
    trained = header.size("context_length")
    return -(-max(1, min(wanted, trained)) // CONTEXT_STEP) * CONTEXT_STEP


def _compute_bytes(header: GgufHeader, context_tokens: int) -> float:
    """Return llama.cpp's working memory: a piece's activations, its mask, and one output row.

    The activations that live at once are three of the feed-forward's width and four of the
    model's; the figure agrees with llama.cpp's own for Llama-like graphs.
    """
    width = 3 * header.size("feed_forward_length") + 4 * header.size("embedding_length")
    return PIECE_TOKENS * (4 * width + 2 * context_tokens) + 2 * 4 * header.vocabulary


def copied_on_load(header: GgufHeader) -> bool:
    """Whether most weights will be copied on loading: a mapped file would only double them."""
    arm = platform.machine().lower() in {"aarch64", "arm64", "armv7l"}
    kinds = _REPACKED | _REPACKED_ON_ARM if arm else _REPACKED
    copied = sum(size for kind, size in header.type_bytes.items() if kind in kinds)
    return copied > header.tensor_bytes / 2


def _option(bundle: Bundle, name: str, allowed: Mapping[str, object]) -> str:
    value = bundle.options.get(name, DEFAULTS[name])
    if value not in allowed:
        raise ModelError(f"{bundle.name}: {name} is {value!r}, not one of {', '.join(allowed)}.")
    return value


def _number(bundle: Bundle, name: str) -> float:
    value = bundle.options.get(name, DEFAULTS[name])
    try:
        return float(value)
    except ValueError:
        raise ModelError(f"{bundle.name}: {name} is {value!r}, not a number.") from None
