import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgevoice.backends import piper
from edgevoice.backends.protocols import Tts
from edgevoice.cancel import Cancelled, CancelScope
from edgevoice.core.bundle import Bundle, ModelFile, Role
from edgevoice.errors import ModelDamaged, ModelError

Bundles = Callable[[str], Bundle]

JOE: dict[str, Any] = {
    "audio": {"sample_rate": 22050},
    "espeak": {"voice": "en-us"},
    "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
    "phoneme_id_map": {"_": [0], "^": [1], "$": [2], " ": [3], "ə": [59]},
    "num_speakers": 1,
    "language": {"family": "en"},
}


def described(folder: Path, **changed: object) -> Path:
    told = {key: value for key, value in {**JOE, **changed}.items() if value is not None}
    path = folder / "joe.onnx.json"
    path.write_text(json.dumps(told), "utf-8")
    return path


def test_the_description_of_a_voice_is_read(tmp_path: Path) -> None:
    settings = piper.read_settings(described(tmp_path))
    assert settings.sample_rate == 22050
    assert settings.scales == (0.667, 1.0, 0.8)
    assert settings.ids["ə"] == [59]
    assert settings.speakers == 1


def test_an_older_description_names_its_language_by_espeaks_voice(tmp_path: Path) -> None:
    path = described(tmp_path, language=None, espeak={"voice": "de"})
    with pytest.raises(ModelError, match="'de'"):
        piper.read_settings(path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"audio": None}, "KeyError: 'audio'"),
        ({"audio": {"sample_rate": "fast"}}, "ValueError"),
        ({"audio": {"sample_rate": 100}}, "100 Hz"),
        ({"phoneme_id_map": None}, "phoneme_id_map"),
        ({"phoneme_id_map": {"_": [0], "^": [1], "$": [2], " ": [3]}}, "'ə'"),
        ({"inference": {"noise_scale": 0.6, "noise_w": 0.8}}, "length_scale"),
        ({"inference": {"noise_scale": 0.6, "length_scale": 0, "noise_w": 0.8}}, "0.0"),
        ({"inference": {"noise_scale": 0.6, "length_scale": 1, "noise_w": float("nan")}}, "nan"),
    ],
)
def test_a_description_that_makes_no_sense_is_damaged(
    tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    with pytest.raises(ModelDamaged, match=said):
        piper.read_settings(described(tmp_path, **changed))


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "\x00"])
def test_a_description_that_is_none_is_damaged(tmp_path: Path, content: str) -> None:
    path = tmp_path / "joe.onnx.json"
    path.write_text(content, "utf-8")
    with pytest.raises(ModelDamaged, match=r"joe\.onnx\.json"):
        piper.read_settings(path)


def test_another_language_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    described(tmp_path, language={"family": "fr"})
    files = (ModelFile("joe.onnx", "", 0), ModelFile("joe.onnx.json", "", 0))
    with pytest.raises(ModelError, match="'fr'; only English"):
        piper.load(Bundle("jean", Role.TTS, "piper", tmp_path, files, "", ""))


def test_a_voice_that_reads_letters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'text'"):
        piper.read_settings(described(tmp_path, phoneme_type="text"))


def test_a_voice_without_its_description_is_refused(tmp_path: Path) -> None:
    files = (ModelFile("joe.onnx", "", 0),)
    with pytest.raises(ModelError, match="beside it"):
        piper.load(Bundle("joe", Role.TTS, "piper", tmp_path, files, "", ""))


@pytest.fixture(scope="module")
def joe(bundle: Bundles) -> Tts:
    return piper.load(bundle("piper-joe"))


@pytest.mark.models
def test_it_speaks_at_a_human_pace(joe: Tts) -> None:
    (audio,) = joe.synthesize("You can find the red key on the shelf.", CancelScope())
    assert audio.dtype == np.float32
    assert 1.5 < len(audio) / joe.sample_rate < 4
    assert 0.1 < np.abs(audio).max() <= 1.0


@pytest.mark.models
def test_cancelling_interrupts_the_model(joe: Tts) -> None:
    class Hasty(CancelScope):
        """Is cancelled as soon as the work has begun: the second check is the last before it."""

        checks = 0

        def check(self) -> None:
            super().check()
            self.checks += 1
            if self.checks == 2:
                self.cancel()

    with pytest.raises(Cancelled):
        list(joe.synthesize("This one sentence is a single piece of work.", Hasty()))


@pytest.mark.models
@pytest.mark.parametrize("content", [None, b"", b"not a model"])
def test_a_damaged_model_is_named(bundle: Bundles, tmp_path: Path, content: bytes | None) -> None:
    whole = bundle("piper-joe")
    model, settings = (file.name for file in whole.files)
    (tmp_path / settings).write_bytes(whole.path(settings).read_bytes())
    if content is not None:
        (tmp_path / model).write_bytes(content)
    with pytest.raises(ModelDamaged, match=r"\.onnx"):
        piper.load(replace(whole, folder=tmp_path))
