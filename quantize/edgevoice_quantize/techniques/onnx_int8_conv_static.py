"""Convolutions that multiply in int8, in ranges learnt while the voice speaks calibration texts.

What is quieter than a step of the range is lost: in a vocoder's last stages that is heard, as
hiss in the pauses. So ``include`` names the convolutions that bear it.
"""

from __future__ import annotations

import logging
from pathlib import Path

from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

from edgevoice.errors import EdgeVoiceError, ModelError
from edgevoice_quantize.held_out import FEWEST, Calibration
from edgevoice_quantize.onnx_calibration import METHODS, Reader, keep_metadata
from edgevoice_quantize.onnx_weights import load
from edgevoice_quantize.stored_weights import weights
from edgevoice_quantize.techniques import Options
from edgevoice_quantize.voice_feeds import feeds_of

OPTIONS: Options = {"include": ["*"], "exclude": [], "method": "minmax", "items": 8}
"""``method``: minmax, entropy or percentile. ``items`` texts are spoken."""

VERSION = 1
MEMORY = 12.0

KINDS = ["Conv"]
"""There is no kernel for ConvTranspose in int8."""

LEAST = 1024


def apply(source_file: Path, target_file: Path, options: Options, calibration: Calibration) -> None:
    """Write ``target_file`` with convolutions of ``source_file`` in int8.

    Raises:
        EdgeVoiceError: there is too little to calibrate on.
        ModelError: it is no voice that calibration texts can be fed to.

    """
    if len(calibration.items) < FEWEST:
        raise EdgeVoiceError(
            f"The calibration set has {len(calibration.items)} texts; static ranges need {FEWEST}.",
            hint="--data with more texts, or a recipe with onnx_int8_conv_weights",
        )
    model = load(source_file)
    nodes = [
        node
        for weight in weights(model, KINDS, LEAST)
        if weight.matches(options["include"]) and not weight.matches(options["exclude"])
        for node in weight.nodes
    ]
    if not nodes:
        raise ModelError(f"{source_file.name} has no convolution that is to be quantized.")
    texts = [item.text for item in calibration.items[: options["items"]]]
    logging.getLogger().setLevel(logging.ERROR)  # it advises preprocessing that changes nothing
    quantize_static(
        source_file,
        target_file,
        Reader(feeds_of(source_file, texts, noise=True)),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=KINDS,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_quantize=nodes,
        calibrate_method=METHODS[options["method"]],
    )
    keep_metadata(model, target_file)
