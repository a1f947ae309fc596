"""VITS traced to ONNX with the inputs that sherpa-onnx feeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import torch
from transformers import VitsModel

from edgevoice_export.native import quiet

OPSET = 17
"""The first in which all that VITS computes is one operator each; old runtimes know it."""

INPUTS = ("x", "x_length", "noise_scale", "length_scale", "noise_scale_w")
"""Letters (1, n), n, and the scales, each (1,), in the order in which sherpa-onnx gives them."""

EXAMPLE_LETTERS = 50


class Voice(torch.nn.Module):  # type: ignore[misc]  # torch is untyped where it is not installed
    """A VITS model whose scales are inputs rather than settings."""

    def __init__(self, model: Any) -> None:
        """Wrap ``model``, which is changed by each call."""
        super().__init__()
        self.model = model

    def forward(self, x: Any, x_length: Any, noise: Any, length: Any, noise_w: Any) -> Any:
        """Return the sound of the letters ``x``, shape (1, samples)."""
        self.model.noise_scale = noise
        self.model.speaking_rate = 1.0 / length
        self.model.noise_scale_duration = noise_w
        mask = (torch.arange(x.shape[1]) < x_length[0]).long()[None]
        return self.model(input_ids=x, attention_mask=mask, return_dict=True).waveform


def load(folder: Path) -> Voice:
    """Return the voice of the checkpoint in ``folder``."""
    with quiet():
        return Voice(VitsModel.from_pretrained(folder, dtype=torch.float32).eval())


def inputs(letters: Any, *, noise: float = 0.0, noise_w: float = 0.0) -> tuple[Any, ...]:
    """Return the inputs for ``letters``, a list of numbers."""
    scales = (torch.tensor([value]) for value in (noise, 1.0, noise_w))
    return (torch.tensor([letters]), torch.tensor([len(letters)]), *scales)


def trace(voice: Voice, vocabulary: int, output: Path, metadata: dict[str, object]) -> None:
    """Write the graph of ``voice`` to ``output``, with ``metadata``."""
    letters = [number % vocabulary for number in range(EXAMPLE_LETTERS)]
    with quiet(), torch.inference_mode():
        torch.onnx.export(
            voice,
            inputs(letters, noise=0.667, noise_w=0.8),
            output,
            opset_version=OPSET,
            dynamo=False,  # the lengths follow from the data, which the newer exporter refuses
            input_names=list(INPUTS),
            output_names=["y"],
            dynamic_axes={"x": {1: "n"}, "y": {1: "samples"}},
        )
    model = onnx.load(output)
    onnx.helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
    onnx.save(model, output)
