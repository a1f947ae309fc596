from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from onnx import helper

from edgevoice.backends import sherpa, whisper_onnx
from edgevoice.core.bundle import Bundle, ModelFile, Role
from edgevoice.errors import BackendFailed, ModelDamaged, ModelError
from tests.recordings import clip


class BrokenRecognizer:
    """Fails at every utterance."""

    def create_stream(self) -> None:
        raise RuntimeError("out of memory")


def test_the_librarys_error_is_a_failed_backend() -> None:
    with pytest.raises(BackendFailed, match="out of memory"):
        sherpa.decode(BrokenRecognizer(), clip("weasels"))


METADATA = dict.fromkeys(whisper_onnx.REQUIRED, "1") | {"is_multilingual": "0"}
LANGUAGES = {"is_multilingual": "1", "all_language_tokens": "7,8", "all_language_codes": "en,de"}


@pytest.fixture
def whisper(tmp_path: Path) -> Callable[..., Bundle]:
    """A bundle whose encoder has certain metadata; its graphs are empty."""

    def make(metadata: dict[str, str], language: str = "en") -> Bundle:
        model = helper.make_model(helper.make_graph([], "empty", [], []))
        helper.set_model_props(model, metadata)
        for name in ("encoder.onnx", "decoder.onnx"):
            onnx.save(model, tmp_path / name)
        (tmp_path / "tokens.txt").write_text("aGVsbG8=\t0\n")
        files = tuple(ModelFile(f.name, "", f.stat().st_size) for f in tmp_path.iterdir())
        options = {"language": language}
        return Bundle("w", Role.STT, "whisper-onnx", tmp_path, files, "", "", options=options)

    return make


@pytest.mark.parametrize("missing", sorted(METADATA))
def test_missing_metadata_is_named(whisper: Callable[..., Bundle], missing: str) -> None:
    metadata = {key: value for key, value in METADATA.items() if key != missing}
    with pytest.raises(ModelDamaged, match=rf"encoder\.onnx .*{missing}"):
        whisper_onnx.load(whisper(metadata))


@pytest.mark.parametrize(
    ("change", "language", "problem"),
    [
        ({"all_language_codes": ""}, "en", "all_language_codes"),
        ({"all_language_tokens": "7"}, "en", "one token for each language"),
        ({}, "xx", "does not know the language 'xx'"),
    ],
)
def test_languages_that_would_end_the_process_are_refused(
    whisper: Callable[..., Bundle], change: dict[str, str], language: str, problem: str
) -> None:
    with pytest.raises(ModelError, match=problem):
        whisper_onnx.load(whisper(METADATA | LANGUAGES | change, language))


def test_two_files_that_could_be_the_encoder_are_an_error(whisper: Callable[..., Bundle]) -> None:
    bundle = whisper(METADATA)
    two = replace(bundle, files=(*bundle.files, ModelFile("encoder-2.onnx", "", 0)))
    with pytest.raises(ModelError, match="one file"):
        whisper_onnx.load(two)
