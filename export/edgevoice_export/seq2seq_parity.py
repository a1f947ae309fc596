"""Merged encoder-decoder graphs of optimum against their source: Whisper and Moonshine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSpeechSeq2Seq

from edgevoice_export.checkpoint import Checkpoint
from edgevoice_export.record import Comparison
from edgevoice_export.safetensors import Tensor
from edgevoice_export.sessions import open_session

Floats = NDArray[np.float32]

OFFSETS = (4, 24)
"""Tokens in the cache when a single one is added."""

ENCODER_TOLERANCE = 1e-4
"""Largest difference, as a part of the largest value: both sides compute in float32, in another
order of sums."""

LOGITS_TOLERANCE = 5e-3
"""Largest difference of a logit; those of two words are rarely as near as that."""


def compare(
    source: Checkpoint, folder: Path, sounds: Mapping[str, Mapping[str, Tensor]]
) -> list[Comparison]:
    """Run both on ``sounds``: what to call each, and the encoder's inputs for it."""
    model = AutoModelForSpeechSeq2Seq.from_pretrained(source.folder, dtype=torch.float32).eval()
    encoder = open_session(folder / "encoder_model.onnx")
    decoder = _Decoder(open_session(folder / "decoder_model_merged.onnx"))
    start = source.config.get("decoder_start_token_id", 1)
    rng = np.random.default_rng(0)
    words = rng.integers(0, source.config["vocab_size"], OFFSETS[-1])
    tokens = [int(start), *words.tolist()]
    found = []
    for name, inputs in sounds.items():
        heard = encoder.run(None, dict(inputs))[0]
        with torch.inference_mode():
            given = {key: torch.from_numpy(value) for key, value in inputs.items()}
            wanted = model.get_encoder()(**given).last_hidden_state
            states = model.get_decoder()(
                torch.tensor([tokens]), encoder_hidden_states=torch.from_numpy(heard)
            )
            logits = model.proj_out(states.last_hidden_state)[0].numpy()
        off = float((torch.from_numpy(heard) - wanted).abs().max() / wanted.abs().max())
        found.append(Comparison(f"encoder, {name}", "relative error", off, ENCODER_TOLERANCE))
        for offset in OFFSETS:
            decoder.reset()
            for first, end in ((0, offset), (offset, offset + 1)):
                off = float(np.abs(decoder(tokens[first:end], heard) - logits[end - 1]).max())
                where = f"logits, {name}, {end - first} tokens after {first}"
                found.append(Comparison(where, "largest difference", off, LOGITS_TOLERANCE))
    return found


class _Decoder:
    """Steps of a merged decoder, with its cache."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._outputs = [output.name for output in session.get_outputs()]
        self._inputs = {given.name: given.shape for given in session.get_inputs()}
        self.reset()

    def reset(self) -> None:
        """Empty the cache."""
        self._cache = {
            name: np.zeros((1, shape[1], 0, shape[3]), np.float32)
            for name, shape in self._inputs.items()
            if name.startswith("past_key_values")
        }

    def __call__(self, tokens: list[int], heard: Floats) -> Floats:
        """Return the logits after ``tokens``."""
        first = not next(iter(self._cache.values())).size
        feeds: dict[str, Any] = {
            "input_ids": np.array([tokens], np.int64),
            "encoder_hidden_states": heard,
            "use_cache_branch": np.array([not first]),
            **self._cache,
        }
        if "encoder_attention_mask" in self._inputs:
            feeds["encoder_attention_mask"] = np.ones(heard.shape[:2], np.int64)
        given = dict(zip(self._outputs, self._session.run(None, feeds), strict=True))
        for name in self._cache:
            if first or ".encoder." not in name:
                self._cache[name] = given[name.replace("past_key_values", "present")]
        return np.asarray(given["logits"][0, -1], np.float32)
