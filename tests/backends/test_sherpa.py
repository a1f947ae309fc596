from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
from onnx import helper

from edgevoice.backends import sherpa, whisper_onnx
from edgevoice.backends.moonshine import Moonshine
from edgevoice.backends.protocols import Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle, ModelFile, Role
from edgevoice.errors import BackendFailed, ModelDamaged, ModelError
from tests.recordings import clip


class FakeRecognizer:
    """Hears always the same, the first time in so many tokens."""

    def __init__(self, text: str | Exception, tokens: int = 2) -> None:
        self._text = text
        self._tokens = tokens
        self.heard_s: list[float] = []

    def create_stream(self) -> SimpleNamespace:
        return SimpleNamespace(accept_waveform=self._accept, result=None)

    def _accept(self, rate: int, samples: Samples) -> None:
        self.heard_s.append(len(samples) / rate)

    def decode_stream(self, stream: SimpleNamespace) -> None:
        if isinstance(self._text, Exception):
            raise self._text
        tokens, self._tokens = self._tokens, 2
        stream.result = SimpleNamespace(text=self._text, tokens=["x"] * tokens)


def test_moonshine_hears_silence_around_the_words() -> None:
    recognizer = FakeRecognizer(" Weasels. ")
    assert Moonshine(recognizer).transcribe(clip("weasels"), CancelScope()) == "Weasels."
    assert recognizer.heard_s == [pytest.approx(len(clip("weasels")) / 16_000 + 0.2)]


def test_moonshine_hears_again_what_repeats_itself() -> None:
    seconds = len(clip("weasels")) / 16_000
    recognizer = FakeRecognizer("Weasels.", tokens=int(8 * seconds) + 9)
    assert Moonshine(recognizer).transcribe(clip("weasels"), CancelScope()) == "Weasels."
    assert recognizer.heard_s == [pytest.approx(seconds + 0.2), pytest.approx(seconds + 0.6)]


def test_notes_of_music_are_no_words() -> None:
    heard = Moonshine(FakeRecognizer("\u266a\u266a \u266a")).transcribe(
        clip("weasels"), CancelScope()
    )
    assert heard == ""


def test_the_librarys_error_is_a_failed_backend() -> None:
    with pytest.raises(BackendFailed, match="out of memory"):
        Moonshine(FakeRecognizer(RuntimeError("out of memory"))).transcribe(
            clip("weasels"), CancelScope()
        )


@pytest.mark.parametrize(
    "content", ["aGVsbG8=\t0\nIQ==\t1\n", "aGVsbG8= 0\r\nIQ== 1\r\n", "aGVsbG8=\t0", "\t0\n"]
)
def test_a_table_of_tokens_is_taken(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokens.txt").write_text(content)
    sherpa.check_tokens(tmp_path / "tokens.txt")


@pytest.mark.parametrize(
    "content", ["", "aGVsbG8=\n", "hello world 1\n", "aGVsbG8=\tone\n", "\xff"]
)
def test_what_would_end_the_process_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokens.txt").write_text(content, "latin-1")
    with pytest.raises(ModelDamaged, match=r"tokens\.txt"):
        sherpa.check_tokens(tmp_path / "tokens.txt")


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
