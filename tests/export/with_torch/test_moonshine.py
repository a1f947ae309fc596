from __future__ import annotations

from pathlib import Path

import pytest
from transformers import MoonshineConfig, MoonshineForConditionalGeneration

from edgevoice.core.bundle import Role
from edgevoice.runtime.bundles.progress import Silent
from edgevoice.runtime.bundles.store import Store
from edgevoice_export import record
from edgevoice_export.checkpoint import open_checkpoint
from edgevoice_export.export import export
from tests.export.checkpoints import write_json

pytestmark = pytest.mark.export

WORDS = ["<unk>", "<s>", "</s>", *(f"<0x{n:02X}>" for n in range(40)), *(f"▁{c}" for c in "abcdef")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint with random weights: of Moonshine's none can be had outside the hub."""
    config = MoonshineConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        intermediate_size=64,
        encoder_num_hidden_layers=2,
        decoder_num_hidden_layers=2,
        encoder_num_attention_heads=4,
        decoder_num_attention_heads=4,
    )
    path = tmp_path / "moonshine"
    MoonshineForConditionalGeneration(config).save_pretrained(path)
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    model = {"type": "BPE", "byte_fallback": True, "vocab": vocabulary, "merges": []}
    write_json(path, "tokenizer.json", {"version": "1.0", "model": model, "added_tokens": []})
    return path


def test_a_moonshine_checkpoint_runs_in_sherpa_onnx(folder: Path, tmp_path: Path) -> None:
    made = export(open_checkpoint(folder), "onnx", tmp_path / "out", Silent())
    assert {file.name for file in made.files} == {
        *("encoder_model.onnx", "decoder_model_merged.onnx", "tokens.txt", "made.json")
    }
    assert Store(tmp_path / "models").get(str(made.folder), Role.STT).engine == "moonshine"
    assert record.read(made.folder)["load"]["engine"] == "moonshine"
