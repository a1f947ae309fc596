"""Whisper in CTranslate2 against its source, at two lengths and two cache offsets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from edgevoice_export.checkpoint import Checkpoint
from edgevoice_export.record import Comparison
from edgevoice_export.whisper_facts import WhisperTokens
from edgevoice_export.whisper_reference import (
    FRAMES,
    OFFSETS,
    Floats,
    WhisperReference,
    relative_error,
)

ENCODER_TOLERANCE = 2e-3
"""Largest difference, as a part of the largest value: weights lose digits in float16."""

LOGITS_TOLERANCE = 0.1
"""Largest difference of a logit, for the same reason."""


def compare(source: Checkpoint, folder: Path) -> list[Comparison]:
    """Encode the same noise with both, decode greedily, and compare the logits of each step."""
    reference = WhisperReference(source)
    model = ctranslate2.models.Whisper(str(folder), compute_type="float32", intra_threads=1)
    tokens = WhisperTokens(source.json("tokenizer.json"))
    prompt = [*tokens.prompt, tokens.special("notimestamps")]
    end = tokens.special("endoftext")
    found = []
    for frames in FRAMES:
        mel = reference.spectrogram(frames)
        heard = reference.encode(mel)
        encoded = model.encode(ctranslate2.StorageView.from_array(mel))
        off = relative_error(np.asarray(encoded, np.float32), heard)
        found.append(
            Comparison(f"encoder, {frames} frames", "relative error", off, ENCODER_TOLERANCE)
        )
        said, logits = _decode(model, encoded, prompt, end)
        expected = reference.logits(heard, [*prompt, *said])
        for offset in OFFSETS:
            step = offset - len(prompt) + 1
            wanted = np.delete(expected[offset], end)
            off = float(np.abs(np.delete(logits[step], end) - wanted).max())
            where = f"logits, {frames} frames, after {offset + 1} tokens"
            found.append(Comparison(where, "largest difference", off, LOGITS_TOLERANCE))
    return found


def _decode(model: Any, encoded: Any, prompt: list[int], end: int) -> tuple[list[int], Floats]:
    """Return the tokens of a greedy decoding that may not end early, and each step's logits."""
    (result,) = model.generate(
        encoded,
        [prompt],
        beam_size=1,
        max_length=2 * OFFSETS[-1] + len(prompt),
        return_logits_vocab=True,
        suppress_blank=False,
        suppress_tokens=[end],
    )
    logits = np.stack([np.asarray(step, np.float32) for step in result.logits[0]])
    return list(result.sequences_ids[0]), logits
