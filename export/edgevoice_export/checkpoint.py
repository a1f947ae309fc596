"""A Hugging Face checkpoint on this device, looked at from headers alone: nothing is loaded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgevoice.core.bundle import ModelFile
from edgevoice.errors import ModelDamaged, ModelError
from edgevoice.runtime.bundles.integrity import describe
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export import safetensors
from edgevoice_export.safetensors import Tensor, TensorEntry

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")

DOWNLOAD_AGAIN = "copy or download the checkpoint again"

_LICENCE = re.compile(r"^license:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)
_LANGUAGE = re.compile(r"^language:\s*((?:\n?-?\s*[\"']?[a-z]{2,3}[\"']?(?=\n|$))+)", re.MULTILINE)
_BASE = re.compile(r"^base_model:\s*(?:-\s*)?[\"']?([^\"'\n]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with weights in safetensors and the JSON files that describe them."""

    folder: Path
    name: str
    config: dict[str, Any]
    tensors: dict[str, TensorEntry]
    licence: str
    source: str
    languages: tuple[str, ...]

    @property
    def architecture(self) -> str:
        """What Hugging Face calls the ``model_type``: whisper, llama, vits."""
        return str(self.config["model_type"])

    @property
    def values(self) -> int:
        """Number of weights."""
        return sum(tensor.values for tensor in self.tensors.values())

    @property
    def weight_bytes(self) -> int:
        """Size of the weights on disk."""
        return sum(tensor.end - tensor.start for tensor in self.tensors.values())

    def json(self, name: str) -> dict[str, Any]:
        """Return the content of the JSON file ``name``.

        Raises:
            ModelError: the file is absent or no JSON.

        """
        return _json(self.folder, name)

    def optional_json(self, name: str) -> dict[str, Any]:
        """Return the content of the JSON file ``name``, nothing when it is not there."""
        return _json(self.folder, name) if (self.folder / name).is_file() else {}

    def needs(self, *names: str) -> None:
        """Raise ``ModelError`` for the first of the files ``names`` that is not there."""
        for name in names:
            if not (self.folder / name).is_file():
                raise ModelError(
                    f"{self.folder} has no {name}.",
                    hint=f"copy the {name} of the checkpoint that this one was fine-tuned from",
                )

    def weight(self, name: str) -> Tensor:
        """Return the tensor ``name`` as float32, or as it is when it holds no floats.

        Raises:
            ModelDamaged: the checkpoint has no such tensor.

        """
        if name not in self.tensors:
            raise ModelDamaged(
                f"The weights in {self.folder} have no {name}: {CONFIG} describes another model.",
                hint=DOWNLOAD_AGAIN,
            )
        entry = self.tensors[name]
        pieces = [p.astype(np.float32) if entry.is_float else p for p in entry.pieces()]
        return np.concatenate(pieces).reshape(entry.shape)

    def files(self) -> list[ModelFile]:
        """Return name, hash and size of the files that make the checkpoint."""
        weights = {entry.file for entry in self.tensors.values()}
        texts = {f for f in self.folder.iterdir() if f.suffix in {".json", ".txt", ".model"}}
        return [describe(file) for file in sorted(weights | texts)]

    def check_finite(self, progress: Progress) -> None:
        """Look at every weight.

        Raises:
            ModelDamaged: names the first tensor that holds NaN or infinity.

        """
        progress.begin("checking the weights", self.weight_bytes)
        for entry in self.tensors.values():
            if bad := entry.not_finite():
                raise ModelDamaged(
                    f"{bad} of {entry.values} weights in {entry.name} ({entry.file.name}) "
                    "are NaN or infinite: the training went wrong.",
                    hint="an earlier checkpoint of the same training",
                )
            progress.advance(entry.end - entry.start)


def open_checkpoint(folder: Path) -> Checkpoint:
    """Return the checkpoint in ``folder``; all shards are there and whole.

    Raises:
        ModelError: says which file is absent or not as it should be.

    """
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder}.", hint="the folder of a checkpoint")
    if not (folder / CONFIG).is_file():
        raise ModelError(
            f"{folder} is no Hugging Face checkpoint: it has no {CONFIG}.",
            hint="the folder that save_pretrained wrote",
        )
    config = _json(folder, CONFIG)
    if not isinstance(config.get("model_type"), str):
        raise ModelError(f"{folder / CONFIG} does not say its model_type.", hint=DOWNLOAD_AGAIN)
    tensors = {
        entry.name: entry for file in _shards(folder) for entry in safetensors.read_header(file)
    }
    card = folder / "README.md"
    front = card.read_text("utf-8", errors="replace").split("\n---")[0] if card.is_file() else ""
    licence, base, language = (p.search(front) for p in (_LICENCE, _BASE, _LANGUAGE))
    name = folder.resolve().name
    return Checkpoint(
        folder=folder,
        name=name,
        config=config,
        tensors=tensors,
        licence=licence[1] if licence else "unknown",
        source=base[1].strip() if base else str(config.get("_name_or_path") or name),
        languages=tuple(re.findall("[a-z]{2,3}", language[1])) if language else (),
    )


def _shards(folder: Path) -> list[Path]:
    if (folder / INDEX).is_file():
        placed = _json(folder, INDEX).get("weight_map")
        if not isinstance(placed, dict) or not placed:
            raise ModelDamaged(f"{folder / INDEX} names no shards.", hint=DOWNLOAD_AGAIN)
        names = sorted(set(placed.values()))
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise ModelDamaged(
                f"{len(missing)} of {len(names)} shards are missing in {folder}: {missing[0]}"
                f"{' and others' if len(missing) > 1 else ''}.",
                hint=DOWNLOAD_AGAIN,
            )
        return [folder / name for name in names]
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if any((folder / name).is_file() for name in PICKLES):
        raise ModelError(
            f"{folder} has its weights in {PICKLES[0]}, which can run code when it is read.",
            hint="load it in transformers and save_pretrained(DIR, safe_serialization=True)",
        )
    raise ModelError(f"{folder} has no weights: no {WEIGHTS}.", hint=DOWNLOAD_AGAIN)


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads((folder / name).read_text("utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{folder} has no {name}.", hint=DOWNLOAD_AGAIN) from None
    except (OSError, ValueError) as error:
        raise ModelDamaged(
            f"{folder / name} cannot be read: {error}.", hint=DOWNLOAD_AGAIN
        ) from error
    if not isinstance(content, dict):
        raise ModelDamaged(f"{folder / name} is not a table.", hint=DOWNLOAD_AGAIN)
    return content
