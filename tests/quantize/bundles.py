"""Small bundles and data, made without torch: what the toolchain is tested on in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgevoice.core.bundle import Bundle
from edgevoice.runtime.bundles import manifest
from edgevoice.runtime.bundles.progress import Silent
from edgevoice_export.checkpoint import open_checkpoint
from edgevoice_export.recipes.whisper_sherpa import RECIPE
from edgevoice_quantize.held_out import Calibration, Item
from tests.export.checkpoints import tiny_whisper


def tiny_whisper_bundle(folder: Path) -> Bundle:
    """Write a bundle of a Whisper with random weights, as `edgevoice export` does."""
    checkpoint = open_checkpoint(tiny_whisper(folder / "checkpoint"))
    made = folder / "tiny"
    made.mkdir()
    product = RECIPE.build(checkpoint, made, Silent())
    bundle = product.bundle("tiny", made, "mit", "random")
    manifest.write(bundle)
    return bundle


def small_model(file: Path, *, width: int = 64, words: int = 128) -> Path:
    """Write a graph with one matrix for MatMul, and one for Gather and Gemm together."""
    rng = np.random.default_rng(0)
    weights = {
        "table": rng.normal(0, 1, (words, width)),
        "hidden.weight": rng.normal(0, 0.2, (width, width)),
        "bias": rng.normal(0, 1, (words,)),
    }
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["read"], name="read"),
        helper.make_node("MatMul", ["read", "hidden.weight"], ["hidden"], name="hidden"),
        helper.make_node("Reshape", ["hidden", "flat"], ["rows"], name="rows"),
        helper.make_node("Gemm", ["rows", "table", "bias"], ["logits"], name="score", transB=1),
    ]
    save(file, nodes, weights, ["tokens"], ["logits"], {"flat": np.array([-1, width])})
    return file


def save(
    file: Path,
    nodes: Sequence[Any],
    weights: dict[str, Any],
    inputs: Sequence[str],
    outputs: Sequence[str],
    whole: dict[str, Any] | None = None,
) -> None:
    """Write a graph: integers of two dimensions in, floats of two out."""
    constants = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()]
    constants += [numpy_helper.from_array(v, k) for k, v in (whole or {}).items()]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ["a", "b"]) for n in inputs],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["c", "d"]) for n in outputs],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"kind": "small"})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, file)


def utterances(count: int) -> list[Item]:
    """Return noises of half a second that swell as syllables do."""
    rng = np.random.default_rng(0)
    at = np.arange(8000) / 16_000
    return [
        Item(
            f"noise {number}",
            f"word {number}",
            np.asarray(0.1 * rng.standard_normal(8000) * np.sin(20 * at) ** 2, np.float32),
        )
        for number in range(count)
    ]


def calibration(count: int) -> Calibration:
    """Return ``count`` utterances to calibrate on."""
    fit = [item for item in utterances(10 * count + 20) if item.for_calibration]
    return Calibration(tuple(fit[:count]))
