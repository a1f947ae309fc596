"""Rebuild a Hugging Face Llama checkpoint from a GGUF one: weights dequantized to float16."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevoice_export import safetensors

NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_norm": "input_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_norm": "post_attention_layernorm",
}
"""GGUF's names of the llama architecture -> Hugging Face's."""

CONTROL = 3
"""The type number of control tokens in ``tokenizer.ggml.token_type``."""

BYTE_LEVEL = {"type": "ByteLevel", "trim_offsets": True, "use_regex": True}


def rebuild(source: Path, output: Path) -> None:
    """Write the checkpoint of the GGUF file ``source`` to the folder ``output``."""
    from gguf import GGUFReader
    from gguf.quants import dequantize

    reader = GGUFReader(source)
    facts: dict[str, Any] = {name: field.contents() for name, field in reader.fields.items()}
    heads = {
        "attn_q": facts["llama.attention.head_count"],
        "attn_k": facts["llama.attention.head_count_kv"],
    }
    weights: dict[str, NDArray[np.generic]] = {}
    for tensor in reader.tensors:
        *block, kind, _ = tensor.name.split(".")
        matrix = dequantize(tensor.data, tensor.tensor_type).astype(np.float16)
        layer = f"model.layers.{block[1]}." if block else ""
        weights[f"{layer}{NAMES[kind]}.weight"] = (
            _unpermute(matrix, heads[kind]) if kind in heads else matrix
        )
    output.mkdir(parents=True, exist_ok=True)
    safetensors.write(output / "model.safetensors", weights)
    for name, content in {
        "config.json": _config(facts, tied="lm_head.weight" not in weights),
        "tokenizer.json": _tokenizer(facts),
        "tokenizer_config.json": _tokenizer_config(facts),
    }.items():
        (output / name).write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")


def _unpermute(matrix: NDArray[np.float16], heads: int) -> NDArray[np.float16]:
    """Put rows in Hugging Face's order of rotary positions: halves, not pairs side by side."""
    rows, columns = matrix.shape
    pairs = matrix.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def _config(facts: dict[str, Any], *, tied: bool) -> dict[str, object]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "torch_dtype": "float16",
        "hidden_act": "silu",
        "hidden_size": facts["llama.embedding_length"],
        "intermediate_size": facts["llama.feed_forward_length"],
        "num_hidden_layers": facts["llama.block_count"],
        "num_attention_heads": facts["llama.attention.head_count"],
        "num_key_value_heads": facts["llama.attention.head_count_kv"],
        "rms_norm_eps": facts["llama.attention.layer_norm_rms_epsilon"],
        "rope_theta": facts["llama.rope.freq_base"],
        "max_position_embeddings": facts["llama.context_length"],
        "vocab_size": facts["llama.vocab_size"],
        "bos_token_id": facts["tokenizer.ggml.bos_token_id"],
        "eos_token_id": facts["tokenizer.ggml.eos_token_id"],
        "pad_token_id": facts["tokenizer.ggml.padding_token_id"],
        "tie_word_embeddings": tied,
    }


def _tokenizer(facts: dict[str, Any]) -> dict[str, object]:
    words: list[str] = facts["tokenizer.ggml.tokens"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": number, "content": words[number], **flags, "special": True}
            for number, kind in enumerate(facts["tokenizer.ggml.token_type"])
            if kind == CONTROL
        ],
        "normalizer": None,
        # What GGUF calls the pre-tokenizer "smollm": each digit by itself, then GPT-2's pattern.
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Digits", "individual_digits": True},
                {**BYTE_LEVEL, "add_prefix_space": False},
            ],
        },
        "post_processor": None,
        "decoder": {**BYTE_LEVEL, "add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {word: number for number, word in enumerate(words)},
            "merges": [pair.split(" ") for pair in facts["tokenizer.ggml.merges"]],
        },
    }


def _tokenizer_config(facts: dict[str, Any]) -> dict[str, object]:
    words: list[str] = facts["tokenizer.ggml.tokens"]
    return {
        "tokenizer_class": "GPT2Tokenizer",
        "chat_template": facts["tokenizer.chat_template"],
        "model_max_length": facts["llama.context_length"],
        "clean_up_tokenization_spaces": False,
        "bos_token": words[facts["tokenizer.ggml.bos_token_id"]],
        "eos_token": words[facts["tokenizer.ggml.eos_token_id"]],
        "pad_token": words[facts["tokenizer.ggml.padding_token_id"]],
        "unk_token": words[facts["tokenizer.ggml.unknown_token_id"]],
    }
