"""Piper voices in English: VITS models that read espeak-ng's phonemes, without espeak-ng."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime as ort

from edgevoice.backends.onnx_session import open_session
from edgevoice.backends.phonemes_espeak import espeak
from edgevoice.backends.phonemes_voice import PhonemeVoice
from edgevoice.backends.protocols import Samples, Tts
from edgevoice.core.bundle import Bundle
from edgevoice.errors import ModelDamaged, ModelError

LANGUAGE = "en"
"""The only one whose words the phonemizer knows."""

SCALES = ("noise_scale", "length_scale", "noise_scale_w")
"""Options of a bundle that count before the scales in its voice's description."""

PAD, BEGIN, END = "_", "^", "$"
"""What the voices were trained to read between, before and after phonemes."""


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """What the ``.onnx.json`` beside a voice says of it.

    ``scales`` are the model's noise, length and noise of the lengths, as it wants them.
    """

    sample_rate: int
    ids: dict[str, list[int]]
    scales: tuple[float, float, float]
    speakers: int

    def numbers(self, phonemes: str) -> list[int]:
        """Return what the model reads for ``phonemes`` in misaki's alphabet."""
        known = [BEGIN, *(c for c in espeak(phonemes) if c in self.ids)]
        padded = (number for c in known for number in (*self.ids[c], *self.ids[PAD]))
        return [*padded, *self.ids[END]]


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take.

    Where it was not measured: the dictionaries and the work on a sentence of 25 words take
    about 130 MB, the weights in memory one and a half times their file.
    """
    return bundle.memory_mb or 130 + 1.5 * bundle.size_mb


def load(bundle: Bundle, *, threads: int = 1) -> Tts:
    """Load a voice and the English dictionaries; takes some two seconds.

    Raises:
        ModelError: a file is damaged, holds another kind of model, or the voice speaks
            another language than English.

    """
    model, description = _files(bundle)
    settings = read_settings(description)
    named = zip(SCALES, settings.scales, strict=True)
    try:
        noise, length, noise_w = (float(bundle.options.get(name, own)) for name, own in named)
    except ValueError as error:
        raise ModelDamaged(f"{bundle.name} has an option that is no number: {error}") from error
    settings = replace(settings, scales=(noise, length, noise_w))
    _check(settings, description)
    return PhonemeVoice(Piper(model, settings, threads))


class Piper:
    """A ``PhonemeModel``. Its sound differs a little each time: the model adds noise of its own."""

    longest = 150

    def __init__(self, path: Path, settings: VoiceSettings, threads: int) -> None:
        inputs = ["input", "input_lengths", "scales"] + ["sid"] * (settings.speakers > 1)
        self._session = open_session(path, threads=threads, inputs=inputs)
        self._settings = settings
        self._fixed = {"scales": np.array(settings.scales, np.float32)}
        if settings.speakers > 1:
            self._fixed["sid"] = np.zeros(1, np.int64)
        self.sample_rate = settings.sample_rate

    def render(self, phonemes: str, run: ort.RunOptions) -> Samples:
        """Return the sound of ``phonemes``; those unknown to the voice are left out."""
        ids = self._settings.numbers(phonemes)
        feeds = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            **self._fixed,
        }
        sound: Samples = self._session.run(None, feeds, run)[0].reshape(-1)
        return sound


def read_settings(path: Path) -> VoiceSettings:
    """Read and check the description of a voice.

    Raises:
        ModelDamaged: it cannot be read, or lacks what a voice needs.
        ModelError: the voice is for another language, or does not read phonemes.

    """
    try:
        told = json.loads(path.read_text("utf-8"))
        language = told.get("language", {}).get("family") or told["espeak"]["voice"].split("-")[0]
        inference = told["inference"]
        settings = VoiceSettings(
            sample_rate=int(told["audio"]["sample_rate"]),
            ids={str(c): [int(i) for i in ids] for c, ids in told["phoneme_id_map"].items()},
            scales=(
                float(inference["noise_scale"]),
                float(inference["length_scale"]),
                float(inference["noise_w"]),
            ),
            speakers=int(told.get("num_speakers", 1)),
        )
        kind = told.get("phoneme_type", "espeak")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ModelDamaged(f"{path} does not describe a Piper voice: {reason}") from error
    if language != LANGUAGE:
        raise ModelError(
            f"{path.name} is a voice for the language {language!r}; only English can be spoken.",
            hint="a voice whose name begins with en_",
        )
    if kind != "espeak":
        raise ModelError(f"{path.name} is a voice that reads {kind!r}, not espeak's phonemes.")
    _check(settings, path)
    return settings


def _check(settings: VoiceSettings, path: Path) -> None:
    missing = {PAD, BEGIN, END, " ", "ə"} - settings.ids.keys()
    if missing:
        raise ModelDamaged(f"{path} has no number for the phoneme {min(missing)!r}.")
    if not 8_000 <= settings.sample_rate <= 48_000:
        raise ModelDamaged(f"{path} gives a sample rate of {settings.sample_rate} Hz.")
    noise, length, noise_w = settings.scales
    if not (0 <= noise <= 2 and 0 <= noise_w <= 2 and 0.2 <= length <= 5):
        raise ModelDamaged(f"{path} gives noise, length and noise of length {settings.scales}.")


def _files(bundle: Bundle) -> tuple[Path, Path]:
    names = sorted(file.name for file in bundle.files)
    models = [name for name in names if name.endswith(".onnx")]
    if len(models) != 1 or f"{models[0]}.json" not in names:
        raise ModelError(f"{bundle.name} is not one .onnx file with its .onnx.json beside it.")
    return bundle.path(models[0]), bundle.path(f"{models[0]}.json")
