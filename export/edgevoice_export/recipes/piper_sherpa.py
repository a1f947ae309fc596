"""Piper voice -> the same graph with the metadata and tokens that sherpa-onnx needs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgevoice.core.bundle import Role
from edgevoice.errors import ModelError
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export.piper_voice import PiperVoice
from edgevoice_export.record import Comparison, Product
from edgevoice_export.resources import Estimate
from edgevoice_export.sessions import open_session

LIBRARIES_MB = 150
"""Resident after importing onnx and ONNX Runtime."""

INPUTS = {"input", "input_lengths", "scales"}

LENGTHS = (20, 120)
"""Phonemes, padding included, of a word and of a sentence."""

TOLERANCE = 1e-6
"""Of full scale. The graphs are the same, and without noise so is the sound."""


class PiperSherpa:
    """Fulfils ``Recipe``."""

    packages = ("onnx", "onnxruntime", "sherpa-onnx", "numpy")

    def check(self, source: PiperVoice) -> None:
        """Raise ``ModelError`` unless the graph takes what Piper's do."""
        if missing := INPUTS - {given.name for given in source.model().graph.input}:
            raise ModelError(
                f"{source.file} is no Piper voice: it has no input {min(missing)!r}.",
                hint="the .onnx file that piper's export_onnx wrote",
            )

    def estimate(self, source: PiperVoice) -> Estimate:
        """Count the file once on disk; in memory the graph, its text, and two sessions."""
        size_mb = source.file.stat().st_size / 1e6
        return Estimate(disk_mb=size_mb + 1, memory_mb=LIBRARIES_MB + 5 * size_mb)

    def build(self, source: PiperVoice, folder: Path, progress: Progress) -> Product:
        """Write the graph with its metadata, its description, and tokens.txt."""
        progress.say(f"writing {source.file.name}")
        model = source.model()
        onnx.helper.set_model_props(model, {k: str(v) for k, v in metadata(source).items()})
        onnx.save(model, folder / source.file.name)
        shutil.copy(source.file.with_name(f"{source.file.name}.json"), folder)
        numbers = source.settings["phoneme_id_map"].items()
        lines = "".join(f"{symbol} {ids[0]}\n" for symbol, ids in numbers)
        (folder / "tokens.txt").write_text(lines, "utf-8")
        return Product(
            role=Role.TTS,
            engine="piper",
            languages=(language(source.settings),),
            sample_rate=int(source.settings["audio"]["sample_rate"]),
        )

    def compare(self, source: PiperVoice, folder: Path, progress: Progress) -> list[Comparison]:
        """Compare the sound of both at two lengths, without the noise that makes it differ."""
        progress.say("comparing with the voice as it was")
        before, after = (open_session(each / source.file.name) for each in (source.folder, folder))
        ids = [
            number for numbers in source.settings["phoneme_id_map"].values() for number in numbers
        ]
        found = []
        for length in LENGTHS:
            feeds: dict[str, Any] = {
                "input": np.random.default_rng(0).choice(ids, (1, length)),
                "input_lengths": np.array([length]),
                "scales": np.array([0.0, 1.0, 0.0], np.float32),
            }
            if speakers(source.settings) > 1:
                feeds["sid"] = np.zeros(1, np.int64)
            wanted, given = (session.run(None, feeds)[0] for session in (before, after))
            same = wanted.shape == given.shape
            off = float(np.abs(given - wanted).max()) if same else float("inf")
            found.append(Comparison(f"{length} phonemes", "largest difference", off, TOLERANCE))
        return found


def metadata(source: PiperVoice) -> dict[str, object]:
    """Return what sherpa-onnx reads of a Piper voice, and ends the process without."""
    settings = source.settings
    return {
        "model_type": "vits",
        "comment": "piper",
        "language": settings.get("language", {}).get("name_english") or language(settings),
        "voice": settings.get("espeak", {}).get("voice", ""),
        "version": 1,
        "has_espeak": 1,
        "n_speakers": speakers(settings),
        "sample_rate": settings["audio"]["sample_rate"],
    }


def speakers(settings: dict[str, Any]) -> int:
    """Return how many speakers the voice has."""
    return int(settings.get("num_speakers", 1))


def language(settings: dict[str, Any]) -> str:
    """Return the code of the voice's language."""
    family = settings.get("language", {}).get("family")
    return str(family or settings.get("espeak", {}).get("voice", "").partition("-")[0])


RECIPE = PiperSherpa()
