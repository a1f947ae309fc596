from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from transformers import VitsConfig, VitsModel

from edgevoice.backends import engines
from edgevoice.backends.onnx_metadata import read_metadata
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Role
from edgevoice.errors import EdgeVoiceError, ModelError
from edgevoice.runtime.bundles.progress import Silent
from edgevoice.runtime.bundles.store import Store
from edgevoice_export.checkpoint import open_checkpoint
from edgevoice_export.export import export
from edgevoice_export.locate import locate
from edgevoice_export.recipes import find
from tests.export.checkpoints import write_json

pytestmark = pytest.mark.export

LETTERS = {letter: number for number, letter in enumerate("_ abcdefghijklmnopqrstuvwxyz")}

SHERPA = """
import sys, sherpa_onnx as s
model, tokens = sys.argv[1:]
vits = s.OfflineTtsVitsModelConfig(model=model, tokens=tokens, lexicon="", data_dir="")
tts = s.OfflineTts(s.OfflineTtsConfig(model=s.OfflineTtsModelConfig(vits=vits, num_threads=1)))
assert len(tts.generate("hello world").samples) > 1000
"""


@pytest.fixture
def vits(tmp_path: Path) -> Path:
    """A VITS checkpoint with random weights: of MMS-TTS none can be had outside the hub."""
    config = VitsConfig(
        vocab_size=len(LETTERS) + 1,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        ffn_dim=32,
        flow_size=16,
        spectrogram_bins=65,
        upsample_initial_channel=32,
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3]],
        prior_encoder_num_flows=2,
        prior_encoder_num_wavenet_layers=2,
        posterior_encoder_num_wavenet_layers=2,
        duration_predictor_num_flows=2,
        depth_separable_num_layers=2,
    )
    path = tmp_path / "mms"
    VitsModel(config).save_pretrained(path)
    write_json(path, "vocab.json", {**LETTERS, "<unk>": len(LETTERS)})
    write_json(path, "tokenizer_config.json", {"add_blank": True, "language": "eng"})
    return path


def test_a_vits_checkpoint_speaks_here_and_in_sherpa_onnx(vits: Path, tmp_path: Path) -> None:
    made = export(open_checkpoint(vits), "sherpa-onnx", tmp_path / "out", Silent())
    bundle = Store(tmp_path / "models").get(str(made.folder), Role.TTS)
    sounds = list(engines.load(bundle).synthesize("Hello. How are you?", CancelScope()))
    assert len(sounds) == 2
    assert bundle.sample_rate == 16_000
    files = [str(bundle.path(name)) for name in ("model.onnx", "tokens.txt")]
    subprocess.run([sys.executable, "-c", SHERPA, *files], check=True, capture_output=True)


@pytest.mark.parametrize("setting", ["phonemize", "is_uroman"])
def test_a_voice_that_reads_no_letters_is_refused(vits: Path, setting: str) -> None:
    write_json(vits, "tokenizer_config.json", {setting: True})
    with pytest.raises(ModelError, match="must be made from text first"):
        find("vits", "sherpa-onnx").check(open_checkpoint(vits))


def piper(folder: Path, weight: float = 0.5, inputs: str = "input input_lengths scales") -> Path:
    """Write a voice whose sound is as many samples as it is given phonemes."""
    kinds = {
        "input": (TensorProto.INT64, [1, "n"]),
        "input_lengths": (TensorProto.INT64, [1]),
        "scales": (TensorProto.FLOAT, [3]),
        "text": (TensorProto.FLOAT, [1]),
    }
    given = [helper.make_tensor_value_info(name, *kinds[name]) for name in inputs.split()]
    first = inputs.split()[0]
    graph = helper.make_graph(
        [
            helper.make_node("Cast", [first], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["floats", "loudness"], ["output"]),
        ],
        "voice",
        given,
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array([weight], np.float32), "loudness")],
    )
    folder.mkdir(exist_ok=True)
    opsets = [helper.make_opsetid("", 15)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / "joe.onnx")
    phonemes = {letter: [number] for number, letter in enumerate("_^$ əabc")}
    settings = {
        "audio": {"sample_rate": 22050},
        "espeak": {"voice": "en-us"},
        "inference": {"noise_scale": 0.6, "length_scale": 1, "noise_w": 0.8},
        "phoneme_id_map": phonemes,
        "num_speakers": 1,
    }
    (folder / "joe.onnx.json").write_text(json.dumps(settings))
    (folder / "MODEL_CARD").write_text("# joe\n* License: CC0\n")
    return folder


def test_a_piper_voice_gets_what_sherpa_onnx_reads(tmp_path: Path) -> None:
    source = locate(str(piper(tmp_path / "voice")), Silent())
    assert (source.architecture, source.licence) == ("piper", "CC0 (data set)")
    recipe = find(source.architecture, "sherpa-onnx")
    recipe.check(source)
    (tmp_path / "out").mkdir()
    product = recipe.build(source, tmp_path / "out", Silent())
    assert (product.engine, product.languages, product.sample_rate) == ("piper", ("en",), 22050)
    said = read_metadata(tmp_path / "out" / "joe.onnx")
    assert (said["comment"], said["sample_rate"], said["n_speakers"]) == ("piper", "22050", "1")
    assert (tmp_path / "out" / "tokens.txt").read_text().startswith("_ 0\n^ 1\n$ 2\n  3\nə 4\n")
    assert (tmp_path / "out" / "joe.onnx.json").is_file()
    assert [c.value for c in recipe.compare(source, tmp_path / "out", Silent())] == [0.0, 0.0]


def test_a_voice_with_nan_is_refused(tmp_path: Path) -> None:
    source = locate(str(piper(tmp_path / "voice", weight=float("nan"))), Silent())
    with pytest.raises(ModelError, match="1 of 1 weights in loudness are NaN"):
        source.check_finite(Silent())


def test_another_graph_is_no_voice(tmp_path: Path) -> None:
    source = locate(str(piper(tmp_path / "voice", inputs="text scales")), Silent())
    with pytest.raises(ModelError, match="no input 'input'"):
        find("piper", "sherpa-onnx").check(source)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / "joe.onnx").unlink(), r"joe\.onnx is not there"),
        (lambda folder: (folder / "joe.onnx.json").write_text("{}"), "not describe a Piper voice"),
        (lambda folder: (folder / "jim.onnx.json").write_text("{}"), "several voices: jim.*joe"),
    ],
)
def test_what_is_wrong_with_a_voice_is_said(tmp_path: Path, damage: object, says: str) -> None:
    folder = piper(tmp_path / "voice")
    assert callable(damage)
    damage(folder)
    with pytest.raises(EdgeVoiceError, match=says):
        locate(str(folder), Silent())
