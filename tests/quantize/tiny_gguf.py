"""A language model of random weights in a GGUF file, small enough to write for each test."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgevoice_export.whisper_facts import byte_level_alphabet

WIDTH, FEED_FORWARD, BLOCKS, HEADS = 256, 512, 2, 4
END = "<|im_end|>"
BYTES = sorted(byte_level_alphabet())
TOKENS = [*BYTES, END]
EPSILON = 1e-5
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} {{ m['content'] }}<|im_end|>{% endfor %}assistant "
)

Array = NDArray[np.float32]

_ALIGNMENT = 32
_F32, _F16 = 0, 1


def weights(seed: int = 1) -> dict[str, Array]:
    """The tensors by name, each of rows as a matrix of outputs by inputs."""
    chance = np.random.default_rng(seed)

    def matrix(outputs: int, inputs: int) -> Array:
        # Some columns count much more than others, as in trained models.
        columns = np.exp(chance.normal(0, 0.5, inputs))
        found: Array = (chance.normal(0, inputs**-0.5, (outputs, inputs)) * columns).astype("f4")
        return found

    def norm() -> Array:
        found: Array = np.exp(chance.normal(0, 1, WIDTH)).astype("f4")
        return found

    found = {"token_embd.weight": matrix(len(TOKENS), WIDTH), "output_norm.weight": norm()}
    for block in range(BLOCKS):
        for name, outputs, inputs in (
            *((f"attn_{which}", WIDTH, WIDTH) for which in ("q", "k", "v", "output")),
            ("ffn_gate", FEED_FORWARD, WIDTH),
            ("ffn_up", FEED_FORWARD, WIDTH),
            ("ffn_down", WIDTH, FEED_FORWARD),
        ):
            found[f"blk.{block}.{name}.weight"] = matrix(outputs, inputs)
        found[f"blk.{block}.attn_norm.weight"] = norm()
        found[f"blk.{block}.ffn_norm.weight"] = norm()
    return found


def write(path: Path, tensors: Mapping[str, Array] | None = None) -> Path:
    """Write the model, matrices in f16, and return ``path``."""
    tensors = weights() if tensors is None else tensors
    pairs = [
        _text("general.architecture", "llama"),
        *(_number(f"llama.{key}", value) for key, value in _SIZES.items()),
        _string("llama.attention.layer_norm_rms_epsilon") + struct.pack("<If", 6, EPSILON),
        _text("tokenizer.ggml.model", "gpt2"),
        _text("tokenizer.ggml.pre", "default"),
        _texts("tokenizer.ggml.tokens", TOKENS),
        _string("tokenizer.ggml.token_type")
        + struct.pack("<IIQ", 9, 5, len(TOKENS))
        + struct.pack(f"<{len(TOKENS)}i", *[1] * len(BYTES), 3),
        _texts("tokenizer.ggml.merges", []),
        _number("tokenizer.ggml.bos_token_id", len(BYTES)),
        _number("tokenizer.ggml.eos_token_id", len(BYTES)),
        _text("tokenizer.chat_template", TEMPLATE),
    ]
    described, data = b"", b""
    for name, values in tensors.items():
        packed = values.astype(np.float16 if values.ndim > 1 else np.float32).tobytes()
        kind = _F16 if values.ndim > 1 else _F32
        shape = values.shape[::-1]
        described += _string(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        described += struct.pack("<IQ", kind, len(data))
        data += packed + bytes(-len(packed) % _ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs) + described
    path.write_bytes(head + bytes(-len(head) % _ALIGNMENT) + data)
    return path


_SIZES = {
    "context_length": 2048,
    "embedding_length": WIDTH,
    "block_count": BLOCKS,
    "feed_forward_length": FEED_FORWARD,
    "attention.head_count": HEADS,
    "attention.head_count_kv": HEADS,
    "vocab_size": len(TOKENS),
    "rope.dimension_count": WIDTH // HEADS,
}


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _number(name: str, value: int) -> bytes:
    return _string(name) + struct.pack("<II", 4, value)


def _text(name: str, value: str) -> bytes:
    return _string(name) + struct.pack("<I", 8) + _string(value)


def _texts(name: str, values: list[str]) -> bytes:
    head = _string(name) + struct.pack("<IIQ", 9, 8, len(values))
    return head + b"".join(map(_string, values))
