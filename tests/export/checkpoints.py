"""Tiny checkpoints with random weights, made without torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from edgevoice_export import safetensors
from edgevoice_export.whisper_facts import byte_level_alphabet

WIDTH, FEED_FORWARD, LAYERS, HEADS, MELS = 16, 32, 2, 2, 80
SPECIAL = (
    *("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>"),
    *("<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
)
BYTES = sorted(byte_level_alphabet(), key=byte_level_alphabet().__getitem__)
VOCABULARY = len(BYTES) + len(SPECIAL)
END = len(BYTES)

Weights = dict[str, safetensors.Tensor]


def write_json(folder: Path, name: str, content: object) -> None:
    (folder / name).write_text(json.dumps(content), "utf-8")


def tiny_whisper(folder: Path) -> Path:
    """Write a Whisper checkpoint of 30,000 weights, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.write(folder / "model.safetensors", whisper_weights())
    config = {
        "model_type": "whisper",
        "architectures": ["WhisperForConditionalGeneration"],
        "vocab_size": VOCABULARY,
        "d_model": WIDTH,
        "num_mel_bins": MELS,
        "encoder_ffn_dim": FEED_FORWARD,
        "decoder_ffn_dim": FEED_FORWARD,
        "encoder_layers": LAYERS,
        "decoder_layers": LAYERS,
        "encoder_attention_heads": HEADS,
        "decoder_attention_heads": HEADS,
        "max_source_positions": 1500,
        "max_target_positions": 64,
        "decoder_start_token_id": END + 1,
        **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), END),
    }
    write_json(folder, "config.json", config)
    write_json(
        folder,
        "generation_config.json",
        {
            "suppress_tokens": [1, 2, END + 1],
            "begin_suppress_tokens": [32, END],
            "decoder_start_token_id": END + 1,
            "is_multilingual": False,
            "eos_token_id": END,
            "pad_token_id": END,
        },
    )
    write_json(folder, "tokenizer.json", whisper_tokenizer())
    end = SPECIAL[0]
    tokens = dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), end)
    write_json(folder, "tokenizer_config.json", {"tokenizer_class": "WhisperTokenizer", **tokens})
    write_json(
        folder,
        "preprocessor_config.json",
        {"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": MELS},
    )
    return folder


def whisper_weights() -> Weights:
    rng = np.random.default_rng(1)
    weights: Weights = {}

    def add(name: str, *shape: int) -> None:
        weights[f"model.{name}"] = rng.normal(0, 0.3, shape).astype(np.float32)

    def linear(name: str, inputs: int, outputs: int, *, bias: bool = True) -> None:
        add(f"{name}.weight", outputs, inputs)
        if bias:
            add(f"{name}.bias", outputs)

    def norm(name: str) -> None:
        weights[f"model.{name}.weight"] = np.ones(WIDTH, np.float32)
        add(f"{name}.bias", WIDTH)

    add("encoder.conv1.weight", WIDTH, MELS, 3)
    add("encoder.conv1.bias", WIDTH)
    add("encoder.conv2.weight", WIDTH, WIDTH, 3)
    add("encoder.conv2.bias", WIDTH)
    add("encoder.embed_positions.weight", 1500, WIDTH)
    add("decoder.embed_positions.weight", 64, WIDTH)
    add("decoder.embed_tokens.weight", VOCABULARY, WIDTH)
    for side in ("encoder", "decoder"):
        norm(f"{side}.layer_norm")
        for number in range(LAYERS):
            layer = f"{side}.layers.{number}"
            for attention in ("self_attn", "encoder_attn")[: 2 if side == "decoder" else 1]:
                norm(f"{layer}.{attention}_layer_norm")
                for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
                    linear(f"{layer}.{attention}.{part}", WIDTH, WIDTH, bias=part != "k_proj")
            norm(f"{layer}.final_layer_norm")
            linear(f"{layer}.fc1", WIDTH, FEED_FORWARD)
            linear(f"{layer}.fc2", FEED_FORWARD, WIDTH)
    return weights


def whisper_tokenizer() -> dict[str, object]:
    """Return a byte-level tokenizer.json in which every byte is a token."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    byte_level = {"type": "ByteLevel", "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": END + place, "content": word, "special": True, **flags}
            for place, word in enumerate(SPECIAL)
        ],
        "normalizer": None,
        "pre_tokenizer": {**byte_level, "add_prefix_space": False},
        "post_processor": None,
        "decoder": {**byte_level, "add_prefix_space": True},
        "model": {
            "type": "BPE",
            "vocab": {letter: number for number, letter in enumerate([*BYTES, SPECIAL[0]])},
            "merges": [],
        },
    }
