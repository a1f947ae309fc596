"""What Whisper's encoder and decoder are fed while they hear an utterance, step by step.

For graphs as ``edgevoice export --to sherpa-onnx`` writes them: calibration sees what the runtime
will feed, and a layer's harm is seen in the logits of the same steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevoice.backends.mel import HOP_SAMPLES, log_mel
from edgevoice.backends.onnx_metadata import read_metadata
from edgevoice.backends.onnx_session import open_session
from edgevoice.backends.protocols import Samples
from edgevoice.errors import ModelError
from edgevoice_quantize.held_out import Item

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"

TAIL_FRAMES = 200
"""Of 10 ms silence after the speech, as ``edgevoice_export.whisper_graph`` wants them."""

MOST_FRAMES = 3000
MOST_STEPS = 48
"""Tokens of one utterance; later ones look like them."""

Feeds = dict[str, NDArray[Any]]


class Whisper:
    """Runs both graphs. ``encoder`` and ``decoder`` are sessions, or what runs like one."""

    def __init__(self, encoder: Any, decoder: Any, metadata: dict[str, str]) -> None:
        """Take the sessions, and the encoder's metadata."""
        self._encoder, self._decoder = encoder, decoder
        self._bands = int(metadata["n_mels"])
        self._end = int(metadata["eot"])
        start = [int(token) for token in metadata["sot_sequence"].split(",")]
        self._start = [*start, int(metadata["no_timestamps"])]
        self._layers, self._width = int(metadata["n_text_layer"]), int(metadata["n_text_state"])

    def mel(self, samples: Samples) -> Feeds:
        """Return what the encoder is fed for ``samples`` (16 kHz)."""
        whole = np.pad(samples, (0, -len(samples) % (2 * HOP_SAMPLES)))
        frames = log_mel(whole, self._bands)[:, :MOST_FRAMES]
        tail = min(TAIL_FRAMES, MOST_FRAMES - frames.shape[1])
        return {"mel": np.pad(frames, ((0, 0), (0, tail)), constant_values=frames.min())[None]}

    def steps(
        self, mel: Feeds, tokens: Sequence[int] | None = None
    ) -> Iterator[tuple[Feeds, NDArray[np.float32]]]:
        """Yield what the decoder is fed at each step, and its logits.

        It hears what it hears; with ``tokens``, it is made to hear these.
        """
        cross_k, cross_v = self._encoder.run(None, mel)
        empty = np.zeros((self._layers, 1, 0, self._width), np.float32)
        keys, values = empty, empty
        fed, offset = list(self._start), 0
        for step in range(MOST_STEPS):
            feeds: Feeds = {
                "tokens": np.array([fed], np.int64),
                "in_n_layer_self_k_cache": keys,
                "in_n_layer_self_v_cache": values,
                "n_layer_cross_k": cross_k,
                "n_layer_cross_v": cross_v,
                "offset": np.array([offset], np.int64),
            }
            logits, keys, values = self._decoder.run(None, feeds)
            yield feeds, logits[0, -1]
            if tokens is not None and step >= len(tokens):
                return
            token = int(logits[0, -1].argmax()) if tokens is None else tokens[step]
            if token == self._end:
                return
            offset += len(fed)
            fed = [token]


def open_whisper(folder: Path, encoder: Any = None, decoder: Any = None) -> Whisper:
    """Return the model in ``folder``; a session given replaces the one of its file.

    Raises:
        ModelError: the files are not there, or not those of Whisper.

    """
    for name in (ENCODER, DECODER):
        if not (folder / name).is_file():
            raise ModelError(f"{folder} has no {name}: this needs both graphs of Whisper.")
    metadata = read_metadata(folder / ENCODER)
    return Whisper(
        encoder or open_session(folder / ENCODER, threads=1, inputs=["mel"]),
        decoder or open_session(folder / DECODER, threads=1, inputs=["tokens", "offset"]),
        metadata,
    )


def feeds_of(file: Path, items: Sequence[Item]) -> Iterator[Feeds]:
    """Yield what the graph in ``file`` is fed while the model hears ``items``.

    Raises:
        ModelError: it is not one of Whisper's, or the other does not lie beside it.

    """
    whisper = open_whisper(file.parent)
    for item in items:
        if item.samples is None:
            continue
        mel = whisper.mel(item.samples)
        if file.name == ENCODER:
            yield mel
        else:
            yield from (feeds for feeds, _ in whisper.steps(mel))
