"""A Piper voice: an ONNX graph, and beside it a JSON file of the same name that describes it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from edgevoice.core.bundle import ModelFile
from edgevoice.errors import ModelDamaged, ModelError
from edgevoice.runtime.bundles.integrity import describe
from edgevoice.runtime.bundles.progress import Progress

_LICENCE = re.compile(r"^\W*licen[cs]e:\s*(.+)$", re.IGNORECASE | re.MULTILINE)

DOWNLOAD_AGAIN = "copy or download the voice again"


@dataclass(frozen=True, slots=True)
class PiperVoice:
    """The voice in ``file``, described by ``settings``. Fulfils ``Source``."""

    file: Path
    settings: dict[str, Any]

    architecture = "piper"

    @property
    def folder(self) -> Path:
        """Where both files lie."""
        return self.file.parent

    @property
    def name(self) -> str:
        """What the voice is called: en_US-joe-medium."""
        return self.file.stem

    @property
    def licence(self) -> str:
        """What the MODEL_CARD beside the voice says of its data set."""
        card = self.folder / "MODEL_CARD"
        text = card.read_text("utf-8", errors="replace") if card.is_file() else ""
        found = _LICENCE.search(text)
        return f"{found[1].strip()} (data set)" if found else "unknown"

    @property
    def source(self) -> str:
        """Where it came from: its name, by which voices are published."""
        return f"Piper voice {self.name}"

    def files(self) -> list[ModelFile]:
        """Return both files with their hashes."""
        return [describe(self.file), describe(self.file.with_name(f"{self.file.name}.json"))]

    def model(self) -> Any:
        """Return the graph.

        Raises:
            ModelDamaged: the file is no ONNX model.

        """
        try:
            return onnx.load(self.file)
        except Exception as error:
            raise ModelDamaged(
                f"{self.file} cannot be read as a model: {error}", hint=DOWNLOAD_AGAIN
            ) from error

    def check_finite(self, progress: Progress) -> None:
        """Raise ``ModelDamaged`` when a weight is NaN or infinite."""
        progress.say("checking the weights")
        for tensor in self.model().graph.initializer:
            values = numpy_helper.to_array(tensor)
            if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
                bad = int(np.count_nonzero(~np.isfinite(values)))
                raise ModelDamaged(
                    f"{bad} of {values.size} weights in {tensor.name} are NaN or infinite: "
                    "the training went wrong.",
                    hint="an earlier checkpoint of the same training",
                )


def find_voice(path: Path) -> Path:
    """Return the ONNX file of the voice at ``path``: it, or the only one in its folder.

    Raises:
        ModelError: there are several.

    """
    if path.is_file():
        return path
    described = [file.with_suffix("") for file in sorted(path.glob("*.onnx.json"))]
    if len(described) > 1:
        names = ", ".join(file.name for file in described)
        raise ModelError(f"{path} has several voices: {names}.", hint="name one of the files")
    return described[0]


def open_voice(file: Path) -> PiperVoice:
    """Return the voice in ``file``.

    Raises:
        ModelError: a file is absent or does not describe a voice.

    """
    description = file.with_name(f"{file.name}.json")
    for needed in (file, description):
        if not needed.is_file():
            raise ModelError(f"{needed} is not there.", hint=DOWNLOAD_AGAIN)
    try:
        settings = json.loads(description.read_text("utf-8"))
        for key in ("audio", "phoneme_id_map", "inference"):
            settings[key].items()
        int(settings["audio"]["sample_rate"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelDamaged(
            f"{description} does not describe a Piper voice: {type(error).__name__}: {error}.",
            hint=DOWNLOAD_AGAIN,
        ) from error
    return PiperVoice(file, settings)
