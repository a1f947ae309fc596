"""Whisper as transformers computes it, at any length: what exports are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import WhisperForConditionalGeneration

from edgevoice_export.checkpoint import Checkpoint

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


class WhisperReference:
    """The model of a checkpoint in float32."""

    def __init__(self, source: Checkpoint) -> None:
        """Load the weights."""
        self._model = WhisperForConditionalGeneration.from_pretrained(
            source.folder, dtype=torch.float32
        ).eval()
        self._mels = int(source.config["num_mel_bins"])
        self._heads = int(source.config["decoder_attention_heads"])

    def spectrogram(self, frames: int) -> Floats:
        """Return noise, shape (1, mels, frames), with the values that Whisper's scaling gives."""
        noise = np.random.default_rng(0).uniform(-1, 1.5, (1, self._mels, frames))
        return noise.astype(np.float32)

    def encode(self, mel: Floats, end_positions: int = 0) -> Floats:
        """Return what the encoder makes of ``mel``, shape (1, t, width).

        A window shorter than 30 s takes the first positions, except for its last
        ``end_positions``, which are the last of the table.
        """
        encoder = self._model.model.encoder
        with torch.inference_mode():
            x = torch.from_numpy(mel)
            if mel.shape[2] == FRAMES[0]:
                return _array(encoder(x).last_hidden_state)
            x = torch.nn.functional.gelu(encoder.conv1(x))
            x = torch.nn.functional.gelu(encoder.conv2(x)).transpose(1, 2)
            table = encoder.embed_positions.weight
            first = x.shape[1] - end_positions
            x = x + torch.cat([table[:first], table[len(table) - end_positions :]])
            for layer in encoder.layers:
                x = layer(x, None, None)[0]
            return _array(encoder.layer_norm(x))

    def cross_attention(self, heard: Floats) -> list[Floats]:
        """Return keys (L, H, D/H, t) and values (L, H, t, D/H) that the decoder attends to."""
        sides = []
        with torch.inference_mode():
            for kind, axes in (("k_proj", (1, 2, 0)), ("v_proj", (1, 0, 2))):
                layers = [
                    getattr(layer.encoder_attn, kind)(torch.from_numpy(heard))[0]
                    .unflatten(1, (self._heads, -1))
                    .permute(axes)
                    for layer in self._model.model.decoder.layers
                ]
                sides.append(_array(torch.stack(layers)))
        return sides

    def logits(self, heard: Floats, tokens: list[int]) -> Floats:
        """Return the logits after each of ``tokens``, shape (n, vocabulary)."""
        with torch.inference_mode():
            states = self._model.model.decoder(
                torch.tensor([tokens]), encoder_hidden_states=torch.from_numpy(heard)
            )
            return _array(self._model.proj_out(states.last_hidden_state)[0])


def relative_error(found: Floats, expected: Floats) -> float:
    """Return the largest difference as a part of the largest value."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def _array(tensor: Any) -> Floats:
    return np.asarray(tensor.numpy(), np.float32)
