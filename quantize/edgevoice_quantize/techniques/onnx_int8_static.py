"""Matrices in int8, and what is multiplied with them in ranges learnt from calibration data.

Nothing is measured as it runs, so a step is quicker; but what is louder than all that was
calibrated on is cut off.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from edgevoice.errors import EdgeVoiceError, Misused, ModelError
from edgevoice_quantize.held_out import FEWEST, Calibration
from edgevoice_quantize.onnx_weights import Kind, chosen, load, matrices
from edgevoice_quantize.techniques import Options
from edgevoice_quantize.whisper_feeds import Feeds, feeds_of

OPTIONS: Options = {
    "per_channel": True,
    "include": ["*"],
    "exclude": [],
    "method": "minmax",
    "items": 16,
    "feeds": 200,
}
"""``method``: minmax, entropy or percentile. ``items`` are heard, and at most so many ``feeds`` of
them kept: entropy and percentile hold all values in memory."""

VERSION = 1
MEMORY = 8.0

PRODUCTS = ["MatMul", "Gemm"]
"""What comes out of them stays a float: logits of suppressed tokens alone span ten thousand."""

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}


def apply(source_file: Path, target_file: Path, options: Options, calibration: Calibration) -> None:
    """Write ``target_file`` with the matrices of ``source_file`` in int8.

    Raises:
        EdgeVoiceError: there is too little to calibrate on.
        ModelError: it is not one of the graphs that calibration data can be fed to.

    """
    if options["method"] not in METHODS:
        raise Misused(f"There is no method {options['method']!r}.", hint=", ".join(METHODS))
    items = [item for item in calibration.items if item.samples is not None]
    if len(items) < FEWEST:
        raise EdgeVoiceError(
            f"The calibration set has {len(items)} utterances; static ranges need {FEWEST}.",
            hint="--data with more recordings, or a recipe with onnx_int8_dynamic",
        )
    model = load(source_file)
    wanted = chosen(matrices(model), options["include"], options["exclude"])
    uses = [use for matrix in wanted for use in matrix.uses if use.kind is not Kind.ROWS]
    nodes = [use.node.name for use in uses if use.node.name]
    if not nodes:
        raise ModelError(f"{source_file.name} has no matrix that is to be quantized.")
    logging.getLogger().setLevel(logging.ERROR)  # it advises preprocessing that changes nothing
    quantize_static(
        source_file,
        target_file,
        Reader(islice(feeds_of(source_file, items[: options["items"]]), options["feeds"])),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=PRODUCTS,
        per_channel=options["per_channel"],
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_quantize=nodes,
        calibrate_method=METHODS[options["method"]],
        extra_options={"OpTypesToExcludeOutputQuantization": PRODUCTS},
    )
    keep_metadata(model, target_file)


class Reader(CalibrationDataReader):  # type: ignore[misc]  # the library has no types
    """Hands the feeds to the library one by one."""

    def __init__(self, feeds: Iterator[Feeds]) -> None:
        self._feeds = feeds

    def get_next(self) -> Feeds | None:
        return next(self._feeds, None)


def keep_metadata(source: Any, target_file: Path) -> None:
    """Write the metadata of ``source`` into the file: without it sherpa-onnx ends the process."""
    made = onnx.load(target_file)
    del made.metadata_props[:]
    made.metadata_props.extend(source.metadata_props)
    onnx.save(made, target_file)
