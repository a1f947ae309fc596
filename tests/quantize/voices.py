"""A small voice like Piper's: random weights, the real inputs and kinds of nodes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgevoice.core.bundle import Bundle, Role
from edgevoice.runtime.bundles import manifest
from edgevoice.runtime.bundles.integrity import describe

SYMBOLS = "_^$ .,!?'-abcdefhijklmnopqrstuvwxyzæðŋɑɔəɚɛɜɡɪɹʃʊʌʒˈˌːθ"
RATE = 16000
MODEL = "en_US-tiny.onnx"


def small_voice(folder: Path) -> Bundle:
    """Write a bundle whose graph makes 512 samples of each phoneme."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    weights = {
        "emb": rng.normal(0, 1, (len(SYMBOLS), 32)),
        "pre": rng.normal(0, 0.1, (64, 32, 3)),
        "pre_bias": rng.normal(0, 0.1, 64),
        "up": rng.normal(0, 0.1, (64, 32, 16)),
        "res": rng.normal(0, 0.1, (32, 32, 3)),
        "post": rng.normal(0, 0.01, (64, 32, 7)),
    }
    nodes = [
        node("Gather", "emb", "input", to="read", name="/enc_p/emb/Gather"),
        node("Transpose", "read", to="x", perm=[0, 2, 1]),
        node("Conv", "x", "pre", "pre_bias", to="a", name="/dec/pre/Conv", pads=[1, 1]),
        node("LeakyRelu", "a", to="b", alpha=0.1),
        node("ConvTranspose", "b", "up", to="c", name="/dec/up/Conv", strides=[8], pads=[4, 4]),
        node("LeakyRelu", "c", to="d", alpha=0.1),
        node("Conv", "d", "res", to="e", name="/dec/res/Conv", pads=[2, 2], dilations=[2]),
        node("Add", "e", "c", to="f"),
        node("Div", "f", "three", to="g"),
        node("Conv", "g", "post", to="h", name="/dec/post/Conv", pads=[3, 3]),
        node("Tanh", "h", to="i"),
        node("Transpose", "i", to="j", perm=[0, 2, 1]),
        node("Reshape", "j", "flat", to="k"),
        node("Gather", "scales", "one", to="length"),
        node("Mul", "k", "length", to="output"),
    ]
    constants = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()]
    constants += [
        numpy_helper.from_array(np.array([3.0], np.float32), "three"),
        numpy_helper.from_array(np.array(1), "one"),
        numpy_helper.from_array(np.array([1, 1, 1, -1]), "flat"),
    ]
    info = helper.make_tensor_value_info
    inputs = [
        info("input", TensorProto.INT64, ["batch", "phonemes"]),
        info("input_lengths", TensorProto.INT64, ["batch"]),
        info("scales", TensorProto.FLOAT, [3]),
    ]
    output = info("output", TensorProto.FLOAT, [1, 1, 1, "samples"])
    graph = helper.make_graph(nodes, "voice", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    helper.set_model_props(model, {"sample_rate": str(RATE)})
    onnx.checker.check_model(model)
    onnx.save(model, folder / MODEL)
    told = {
        "audio": {"sample_rate": RATE},
        "espeak": {"voice": "en-us"},
        "inference": {"noise_scale": 0.6, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_id_map": {symbol: [number] for number, symbol in enumerate(SYMBOLS)},
    }
    (folder / f"{MODEL}.json").write_text(json.dumps(told), "utf-8")
    files = tuple(describe(folder / name) for name in (MODEL, f"{MODEL}.json"))
    bundle = Bundle("tiny", Role.TTS, "piper", folder, files, "CC0", "random", ("en",), RATE)
    manifest.write(bundle)
    return bundle


def node(kind: str, *inputs: str, to: str, name: str = "", **settings: Any) -> Any:
    return helper.make_node(kind, inputs, [to], name=name or f"/{to}", **settings)


def sound(file: Path, length: int = 40) -> NDArray[np.float32]:
    """Return what the graph makes of the same phonemes each time."""
    session = ort.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    feeds = {
        "input": np.random.default_rng(1).integers(0, len(SYMBOLS), (1, length)),
        "input_lengths": np.array([length]),
        "scales": np.array([0.0, 1.0, 0.0], np.float32),
    }
    made: NDArray[np.float32] = session.run(None, feeds)[0].reshape(-1)
    return made


def off_db(file: Path, source: Path) -> float:
    """Return how far below the source's sound the difference lies, in dB."""
    was = sound(source)
    return float(10 * np.log10(((sound(file) - was) ** 2).mean() / (was**2).mean()))
