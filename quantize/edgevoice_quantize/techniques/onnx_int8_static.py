"""Matrices in int8, and what is multiplied with them in ranges learnt from calibration data.

Nothing is measured as it runs, which saves a pass over each value; but what is louder than all
that was calibrated on is cut off, and one range must do for all.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import onnxruntime as ort
from onnx import TensorProto, helper

from edgevoice.errors import EdgeVoiceError, ModelError
from edgevoice_quantize.held_out import FEWEST, Calibration
from edgevoice_quantize.onnx_weights import Kind, Matrix, chosen, load, matrices, save
from edgevoice_quantize.techniques import Options
from edgevoice_quantize.techniques.onnx_int8_dynamic import LEAST, Ranges, quantize
from edgevoice_quantize.whisper_feeds import Feeds, feeds_of

OPTIONS: Options = {
    "per_channel": True,
    "include": ["*"],
    "exclude": [],
    "items": 16,
    "feeds": 300,
}
"""As for onnx_int8_dynamic. So many ``items`` are heard, and at most so many ``feeds`` of them are
looked at: a decoder is fed once for each token."""

VERSION = 2
MEMORY = 5.0


def apply(source_file: Path, target_file: Path, options: Options, calibration: Calibration) -> None:
    """Write ``target_file`` with the matrices of ``source_file`` in int8.

    Raises:
        EdgeVoiceError: there is too little to calibrate on.
        ModelError: it is not one of the graphs that calibration data can be fed to.

    """
    items = [item for item in calibration.items if item.samples is not None]
    if len(items) < FEWEST:
        raise EdgeVoiceError(
            f"The calibration set has {len(items)} utterances; static ranges need {FEWEST}.",
            hint="--data with more recordings, or a recipe with onnx_int8_dynamic",
        )
    model = load(source_file)
    wanted = chosen(matrices(model), options["include"], options["exclude"], LEAST)
    wanted = [m for m in wanted if any(use.kind is not Kind.ROWS for use in m.uses)]
    if not wanted:
        raise ModelError(f"{source_file.name} has no matrix that is to be quantized.")
    feeds = islice(feeds_of(source_file, items[: options["items"]]), options["feeds"])
    ranges = _ranges(model, _multiplied(model, wanted), feeds)
    quantize(model, wanted, per_channel=options["per_channel"], ranges=ranges)
    save(model, target_file)


def _multiplied(model: Any, wanted: Iterable[Matrix]) -> list[str]:
    """Return the names of what is multiplied with ``wanted``, in the graph itself."""
    names = {
        use.node.input[0]: None
        for matrix in wanted
        for use in matrix.uses
        if use.kind is not Kind.ROWS and use.graph is model.graph
    }
    return list(names)


def _ranges(model: Any, names: list[str], feeds: Iterable[Feeds]) -> Ranges:
    """Run ``model`` on ``feeds``, and return the ranges of the values called ``names``."""
    watched = type(model)()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    taken = {each.name for each in session.get_inputs()}
    ranges = dict.fromkeys(names, (0.0, 0.0))
    for fed in feeds:
        values = session.run(names, {key: value for key, value in fed.items() if key in taken})
        for name, value in zip(names, values, strict=True):
            least, largest = ranges[name]
            ranges[name] = (min(least, float(value.min())), max(largest, float(value.max())))
    return ranges
