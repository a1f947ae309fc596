import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgevoice.backends import hibari
from edgevoice.backends.protocols import Tts
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle, ModelFile, Role
from edgevoice.errors import ModelDamaged, ModelError

pytestmark = pytest.mark.models

Bundles = Callable[[str], Bundle]


@pytest.fixture(scope="module")
def voice(bundle: Bundles) -> Tts:
    return hibari.load(bundle("hibari-heart"))


def lying_in(folder: Path) -> Bundle:
    file = ModelFile("hibari.onnx", "", 0)
    return Bundle("broken", Role.TTS, "hibari", folder, (file,), "", "")


def test_it_speaks_at_a_human_pace(voice: Tts) -> None:
    (audio,) = voice.synthesize("You can find the red key on the shelf.", CancelScope())
    assert audio.dtype == np.float32
    assert 1.5 < len(audio) / voice.sample_rate < 4
    assert 0.1 < np.abs(audio).max() <= 1.0


def test_the_same_text_gives_the_same_sound(voice: Tts) -> None:
    first, second = (list(voice.synthesize("Hello there.", CancelScope())) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_it_opens_no_socket(bundle: Bundles, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    assert list(hibari.load(bundle("hibari-heart")).synthesize("Yes.", CancelScope()))


def test_a_voice_from_elsewhere_is_read_by_its_path(bundle: Bundles, tmp_path: Path) -> None:
    shutil.copy(bundle("hibari-heart").path("hibari.onnx"), tmp_path)
    elsewhere = replace(bundle("hibari-heart"), folder=tmp_path)
    assert list(hibari.load(elsewhere).synthesize("Yes.", CancelScope()))


@pytest.mark.parametrize("content", [None, b"", b"not a model", "truncated"])
def test_a_damaged_file_is_named(
    bundle: Bundles, tmp_path: Path, content: bytes | str | None
) -> None:
    whole = bundle("hibari-heart").path("hibari.onnx").read_bytes()
    if content is not None:
        damaged = content if isinstance(content, bytes) else whole[: len(whole) // 2]
        (tmp_path / "hibari.onnx").write_bytes(damaged)
    with pytest.raises(ModelDamaged, match=r"hibari\.onnx"):
        hibari.load(lying_in(tmp_path))


def test_a_bundle_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not one \.onnx file"):
        hibari.load(replace(lying_in(tmp_path), files=()))


def test_another_kind_of_model_is_refused(bundle: Bundles, tmp_path: Path) -> None:
    shutil.copy(bundle("silero-vad").path("silero_vad.onnx"), tmp_path / "hibari.onnx")
    with pytest.raises(ModelError, match="not the right kind"):
        hibari.load(lying_in(tmp_path))
