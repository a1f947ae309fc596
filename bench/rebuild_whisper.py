"""Rebuild a Hugging Face Whisper checkpoint from a CTranslate2 one: the same weights, renamed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgevoice_export import safetensors
from edgevoice_quantize.ct2_file import read

Tensor = NDArray[np.generic]
Tensors = dict[str, Tensor]

MULTILINGUAL_VOCABULARY = 51865
"""OpenAI's multilingual models have at least so many tokens, the English ones have 51864."""


def rebuild(source: Path, output: Path) -> None:
    """Write the checkpoint of the CTranslate2 model in ``source`` to the folder ``output``."""
    stored = read(source / "model.bin").tensors
    weights = _rename(stored)
    output.mkdir(parents=True, exist_ok=True)
    safetensors.write(output / "model.safetensors", weights)
    shutil.copy(source / "tokenizer.json", output)
    words = json.loads((source / "tokenizer.json").read_text("utf-8"))["added_tokens"]
    ids = {word["content"]: int(word["id"]) for word in words}
    faster = json.loads((source / "config.json").read_text("utf-8"))
    for name, content in {
        "config.json": _config(stored, weights, ids),
        "generation_config.json": _generation(weights, ids, faster),
        "preprocessor_config.json": _preprocessor(weights),
        "tokenizer_config.json": _tokenizer(),
    }.items():
        (output / name).write_text(json.dumps(content, indent=2), "utf-8")


def _layers(names: Tensors, side: str) -> int:
    return len(
        {name for name in names if re.fullmatch(rf"{side}/layer_\d+/ffn/linear_0/weight", name)}
    )


def _rename(stored: Tensors) -> Tensors:
    weights: Tensors = {}

    def linear(new: str, old: str) -> None:
        weights[f"{new}.weight"] = stored[f"{old}/weight"]
        weights[f"{new}.bias"] = stored[f"{old}/bias"]

    def norm(new: str, old: str) -> None:
        weights[f"{new}.weight"] = stored[f"{old}/layer_norm/gamma"]
        weights[f"{new}.bias"] = stored[f"{old}/layer_norm/beta"]

    def fused(new: str, old: str, parts: str) -> None:
        """Take a projection apart that CTranslate2 keeps as one matrix; Whisper's k has no bias."""
        matrices = np.split(stored[f"{old}/weight"], len(parts))
        biases = np.split(stored[f"{old}/bias"], len(parts))
        for part, matrix, bias in zip(parts, matrices, biases, strict=True):
            weights[f"{new}.{part}_proj.weight"] = matrix
            if part != "k":
                weights[f"{new}.{part}_proj.bias"] = bias

    linear("model.encoder.conv1", "encoder/conv1")
    linear("model.encoder.conv2", "encoder/conv2")
    weights["model.decoder.embed_tokens.weight"] = stored["decoder/embeddings/weight"]
    for side in ("encoder", "decoder"):
        positions = stored[f"{side}/position_encodings/encodings"]
        weights[f"model.{side}.embed_positions.weight"] = positions
        norm(f"model.{side}.layer_norm", side)
        for number in range(_layers(stored, side)):
            new, old = f"model.{side}.layers.{number}", f"{side}/layer_{number}"
            norm(f"{new}.self_attn_layer_norm", f"{old}/self_attention")
            fused(f"{new}.self_attn", f"{old}/self_attention/linear_0", "qkv")
            linear(f"{new}.self_attn.out_proj", f"{old}/self_attention/linear_1")
            norm(f"{new}.final_layer_norm", f"{old}/ffn")
            linear(f"{new}.fc1", f"{old}/ffn/linear_0")
            linear(f"{new}.fc2", f"{old}/ffn/linear_1")
            if side == "decoder":
                norm(f"{new}.encoder_attn_layer_norm", f"{old}/attention")
                linear(f"{new}.encoder_attn.q_proj", f"{old}/attention/linear_0")
                fused(f"{new}.encoder_attn", f"{old}/attention/linear_1", "kv")
                linear(f"{new}.encoder_attn.out_proj", f"{old}/attention/linear_2")
    return weights


def _config(stored: Tensors, weights: Tensors, ids: dict[str, int]) -> dict[str, object]:
    vocabulary, width = weights["model.decoder.embed_tokens.weight"].shape
    end = ids["<|endoftext|>"]
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "torch_dtype": "float16",
        "vocab_size": vocabulary,
        "d_model": width,
        "num_mel_bins": weights["model.encoder.conv1.weight"].shape[1],
        "encoder_layers": _layers(stored, "encoder"),
        "decoder_layers": _layers(stored, "decoder"),
        "encoder_attention_heads": int(stored["encoder/num_heads"]),
        "decoder_attention_heads": int(stored["decoder/num_heads"]),
        "encoder_ffn_dim": weights["model.encoder.layers.0.fc1.weight"].shape[0],
        "decoder_ffn_dim": weights["model.decoder.layers.0.fc1.weight"].shape[0],
        "max_source_positions": weights["model.encoder.embed_positions.weight"].shape[0],
        "max_target_positions": weights["model.decoder.embed_positions.weight"].shape[0],
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": ids["<|startoftranscript|>"],
    }


def _generation(
    weights: Tensors, ids: dict[str, int], faster: dict[str, list[int]]
) -> dict[str, object]:
    end = ids["<|endoftext|>"]
    config: dict[str, object] = {
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": ids["<|startoftranscript|>"],
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "prev_sot_token_id": ids["<|startofprev|>"],
        "max_length": weights["model.decoder.embed_positions.weight"].shape[0],
        "suppress_tokens": faster["suppress_ids"],
        "begin_suppress_tokens": faster["suppress_ids_begin"],
        "alignment_heads": faster["alignment_heads"],
        "return_timestamps": False,
        "is_multilingual": False,
    }
    if weights["model.decoder.embed_tokens.weight"].shape[0] >= MULTILINGUAL_VOCABULARY:
        languages = set(faster["lang_ids"])
        config["is_multilingual"] = True
        config["lang_to_id"] = {word: number for word, number in ids.items() if number in languages}
        config["task_to_id"] = {task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")}
        # The language is free, the task is not: without its token the decoder repeats itself.
        config["forced_decoder_ids"] = [[1, None], [2, ids["<|transcribe|>"]]]
    return config


def _preprocessor(weights: Tensors) -> dict[str, object]:
    return {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "processor_class": "WhisperProcessor",
        "feature_size": weights["model.encoder.conv1.weight"].shape[1],
        "sampling_rate": 16_000,
        "hop_length": 160,
        "n_fft": 400,
        "chunk_length": 30,
        "n_samples": 480_000,
        "nb_max_frames": 3_000,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
    }


def _tokenizer() -> dict[str, object]:
    end = "<|endoftext|>"
    return {
        "tokenizer_class": "WhisperTokenizer",
        "processor_class": "WhisperProcessor",
        "model_max_length": 1024,
        **dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), end),
    }
