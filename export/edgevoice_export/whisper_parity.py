"""The ONNX graphs of Whisper against their source, at two lengths and several cache offsets."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from edgevoice_export.checkpoint import Checkpoint
from edgevoice_export.record import Comparison
from edgevoice_export.sessions import open_session
from edgevoice_export.whisper_facts import WhisperSizes, WhisperTokens
from edgevoice_export.whisper_graph import END_POSITIONS
from edgevoice_export.whisper_reference import (
    ENCODER_TOLERANCE,
    FRAMES,
    LOGITS_TOLERANCE,
    OFFSETS,
    Floats,
    WhisperReference,
    relative_error,
)


def compare(source: Checkpoint, folder: Path) -> list[Comparison]:
    """Run both on the same noise and the same tokens."""
    sizes = WhisperSizes.of(source.config, source.optional_json("generation_config.json"))
    reference = WhisperReference(source)
    encoder, decoder = (open_session(folder / f"{name}.onnx") for name in ("encoder", "decoder"))
    prompt = WhisperTokens(source.json("tokenizer.json")).prompt
    words = np.random.default_rng(0).integers(0, sizes.vocabulary, OFFSETS[-1] + 1).tolist()
    tokens = [*prompt, *words][: OFFSETS[-1] + 1]
    found = []
    for frames in FRAMES:
        mel = reference.spectrogram(frames)
        heard = reference.encode(mel, END_POSITIONS)
        cross = encoder.run(None, {"mel": mel})
        both = zip(cross, reference.cross_attention(heard), strict=True)
        off = max(relative_error(given, wanted) for given, wanted in both)
        found.append(
            Comparison(f"encoder, {frames} frames", "relative error", off, ENCODER_TOLERANCE)
        )
        found += _steps(decoder, cross, tokens, reference.logits(heard, tokens), sizes, frames)
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
