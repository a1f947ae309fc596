"""Real checkpoints, rebuilt by `bench.checkpoints` from packages of the Python registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import checkpoints
from edgevoice.backends import engines
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Role
from edgevoice.core.history import Message
from edgevoice.runtime.bundles.progress import Silent
from edgevoice.runtime.bundles.store import Store
from edgevoice.runtime.wav import read_wav
from edgevoice_export import record
from edgevoice_export.checkpoint import open_checkpoint
from edgevoice_export.export import export

pytestmark = [pytest.mark.export, pytest.mark.models, pytest.mark.timeout(900)]

QUESTION = Path(__file__).parents[2] / "data" / "who-sent-it.wav"


@pytest.mark.parametrize("target", ["sherpa-onnx", "ctranslate2", "onnx"])
def test_whisper_hears_a_question(tmp_path: Path, target: str) -> None:
    source = open_checkpoint(checkpoints.cached("whisper-tiny.en"))
    made = export(source, target, tmp_path / "out", Silent())
    bundle = Store(tmp_path / "models").get(str(made.folder), Role.STT)
    assert (bundle.licence, bundle.source) == ("mit", "openai/whisper-tiny.en")
    heard = engines.load(bundle).transcribe(read_wav(QUESTION)[0], CancelScope())
    assert "who" in heard.lower()
    assert "message" in heard.lower()


def test_smollm_answers_as_it_did(tmp_path: Path) -> None:
    source = open_checkpoint(checkpoints.cached("smollm2-135m-instruct"))
    made = export(source, "gguf", tmp_path / "out", Silent())
    parity = {each["what"]: each["value"] for each in record.read(made.folder)["parity"]}
    assert parity["tokens of a text"] == 0
    assert parity["24 tokens of greedy decoding"] == 0
    bundle = Store(tmp_path / "models").get(str(made.folder), Role.LLM)
    question = [Message("user", "What is the capital of France?")]
    assert "Paris" in "".join(engines.load(bundle).reply(question, 24, CancelScope()))
