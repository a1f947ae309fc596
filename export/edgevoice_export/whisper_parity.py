"""The ONNX graphs of Whisper against transformers' own modules, at lengths and cache offsets."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from transformers import WhisperForConditionalGeneration

from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export.checkpoint import Checkpoint
from edgevoice_export.record import Comparison
from edgevoice_export.whisper_facts import WhisperSizes, WhisperTokens
from edgevoice_export.whisper_graph import END_POSITIONS

Floats = NDArray[np.float32]

FRAMES = (3000, 600)
"""Of 10 ms: the whole window, and a short one."""

OFFSETS = (4, 40)
"""Tokens in the cache when a single token is added."""

ENCODER_TOLERANCE = 1e-4
"""Largest difference, as a part of the largest value: both sides compute in float32, in another
order of sums."""

LOGITS_TOLERANCE = 5e-3
"""Largest difference of a logit; those of two words are rarely as near as that."""


def compare(source: Checkpoint, folder: Path, progress: Progress) -> list[Comparison]:
    """Run both on the same noise and the same tokens."""
    progress.say("comparing with transformers")
    sizes = WhisperSizes.of(source.config, source.optional_json("generation_config.json"))
    model = WhisperForConditionalGeneration.from_pretrained(source.folder, dtype=torch.float32)
    model.eval()
    encoder, decoder = (_session(folder / f"{name}.onnx") for name in ("encoder", "decoder"))
    prompt = WhisperTokens(source.json("tokenizer.json")).prompt
    rng = np.random.default_rng(0)
    found = []
    for frames in FRAMES:
        # A spectrogram's values lie about -1 to 1.5 after Whisper's scaling.
        mel = rng.uniform(-1, 1.5, (1, sizes.mels, frames)).astype(np.float32)
        with torch.inference_mode():
            heard = _encode(model, torch.from_numpy(mel))
            expected = _cross(model, heard, sizes)
        cross = encoder.run(None, {"mel": mel})
        off = max(_relative(a, b) for a, b in zip(cross, expected, strict=True))
        found.append(
            Comparison(f"encoder, {frames} frames", "relative error", off, ENCODER_TOLERANCE)
        )
        tokens = [*prompt, *rng.integers(0, 50_000, OFFSETS[-1] + 1).tolist()][: OFFSETS[-1] + 1]
        with torch.inference_mode():
            states = model.model.decoder(torch.tensor([tokens]), encoder_hidden_states=heard)
            logits = model.proj_out(states.last_hidden_state)[0].numpy()
        found += _steps(decoder, cross, tokens, logits, sizes, frames)
    return found


def _steps(
    decoder: Any,
    cross: list[Floats],
    tokens: list[int],
    expected: Floats,
    sizes: WhisperSizes,
    frames: int,
) -> list[Comparison]:
    """Feed ``tokens`` in pieces, so that single tokens meet a cache of each of ``OFFSETS``."""
    shape = (sizes.decoder_layers, 1, sizes.text_context, sizes.width)
    cache = [np.zeros(shape, np.float32), np.zeros(shape, np.float32)]
    bounds = [0, *(bound for offset in OFFSETS for bound in (offset, offset + 1))]
    found = []
    for start, end in pairwise(bounds):
        logits, *cache = decoder.run(
            None,
            {
                "tokens": np.array([tokens[start:end]]),
                "in_n_layer_self_k_cache": cache[0],
                "in_n_layer_self_v_cache": cache[1],
                "n_layer_cross_k": cross[0],
                "n_layer_cross_v": cross[1],
                "offset": np.array([start]),
            },
        )
        silent = [*sizes.suppressed, *(sizes.suppressed_at_first if start == 0 else ())]
        # A suppressed token's logit has lost its digits to the large number added to it.
        given, wanted = np.delete(logits[0, 0], silent), np.delete(expected[end - 1], silent)
        off = float(np.abs(given - wanted).max())
        if silent and logits[0, 0, silent].max() > given.min():
            off = float("inf")
        where = f"logits, {frames} frames, {end - start} tokens after {start}"
        found.append(Comparison(where, "largest difference", off, LOGITS_TOLERANCE))
    return found


def _encode(model: Any, mel: torch.Tensor) -> torch.Tensor:
    """Return what the source's encoder makes of ``mel``, which may be shorter than 30 s."""
    encoder = model.model.encoder
    if mel.shape[2] == FRAMES[0]:
        whole: torch.Tensor = encoder(mel).last_hidden_state
        return whole
    x = torch.nn.functional.gelu(encoder.conv1(mel))
    x = torch.nn.functional.gelu(encoder.conv2(x)).transpose(1, 2)
    table = encoder.embed_positions.weight
    length = x.shape[1] - END_POSITIONS
    x = x + torch.cat([table[:length], table[-END_POSITIONS:]])
    for layer in encoder.layers:
        x = layer(x, None, None)[0]
    normed: torch.Tensor = encoder.layer_norm(x)
    return normed


def _cross(model: Any, heard: torch.Tensor, sizes: WhisperSizes) -> list[Floats]:
    """Return keys (L, H, D/H, t) and values (L, H, t, D/H) of the source's cross-attention."""
    sides = []
    for kind, axes in (("k_proj", (1, 2, 0)), ("v_proj", (1, 0, 2))):
        layers = [
            getattr(layer.encoder_attn, kind)(heard)[0]
            .unflatten(1, (sizes.decoder_heads, -1))
            .permute(axes)
            for layer in model.model.decoder.layers
        ]
        sides.append(torch.stack(layers).numpy())
    return sides


def _relative(found: Floats, expected: Floats) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def _session(file: Path) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
