"""What the search may give Whisper's matrices, and how much harm each does by itself.

Matrices are decided about in groups: those of one attention, the two of one feed-forward, the
table of tokens. The harm of a level is how far the logits move (KL divergence, in nats a token)
when one group alone is rounded to it, over the tokens that the source hears in some clips.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import numpy_helper

from edgevoice.core.bundle import Role
from edgevoice.errors import Misused
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_quantize import int4, onnx_weights
from edgevoice_quantize.held_out import Calibration
from edgevoice_quantize.onnx_weights import Floats, Kind, Matrix
from edgevoice_quantize.recipe import Recipe, Step
from edgevoice_quantize.search import Choice, Layer
from edgevoice_quantize.techniques import onnx_int8_dynamic
from edgevoice_quantize.whisper_feeds import DECODER, ENCODER, Whisper, open_whisper

CLIPS = 6
"""Heard for each harm: some 90 tokens."""

BLOCK = 32
"""Numbers that share a scale and a zero point in int4."""

BYTES = {"float": 4.0, "int8": 1.0, "int4": 0.5 + 4.5 / BLOCK}
"""A number's, with the scale and the zero point of its block."""

TECHNIQUES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "int4": ("onnx_int4", {"method": "hqq", "block": BLOCK}),
    "int8": ("onnx_int8_dynamic", {}),
}
"""Of the levels that are not the source's own."""

HARMS = "harms.json"


@dataclass(frozen=True, slots=True)
class WhisperSpace:
    """Fulfils ``Space``. ``members`` are the matrices of each group, by file."""

    layers: Sequence[Layer]
    members: Mapping[str, Mapping[str, Sequence[str]]]

    def recipe(self, chosen: Mapping[str, str]) -> Recipe:
        """Return the recipe for ``chosen``, named by what it chooses."""
        steps = []
        for level, (technique, options) in TECHNIQUES.items():
            for file in (ENCODER, DECODER):
                names = [
                    name
                    for group, of_group in chosen.items()
                    if of_group == level
                    for name in self.members[group].get(file, ())
                ]
                if names:
                    steps.append(Step(file, technique, {**options, "include": names}))
        text = json.dumps(sorted(chosen.items()))
        counts = {level: list(chosen.values()).count(level) for level in BYTES}
        told = ", ".join(f"{count} in {level}" for level, count in counts.items() if count)
        return Recipe(
            name=f"stt-search-{hashlib.sha256(text.encode()).hexdigest()[:6]}",
            role=Role.STT,
            engine="whisper-onnx",
            steps=tuple(steps),
            summary=f"Found by the search: of {len(chosen)} groups {told}",
        )


def space(source: Path, calibration: Calibration, work: Path, progress: Progress) -> WhisperSpace:
    """Return the space of the Whisper bundle in ``source``; harms are kept in ``work``.

    Raises:
        Misused: its graphs are not those that ``edgevoice export --to sherpa-onnx`` writes.

    """
    if not all((source / name).is_file() for name in (ENCODER, DECODER)):
        raise Misused(f"The search is for bundles with {ENCODER} and {DECODER}.")
    models = {name: onnx_weights.load(source / name) for name in (ENCODER, DECODER)}
    groups = _groups(models)
    harms = _harms(source, models, groups, calibration, work / HARMS, progress)
    layers = []
    for group, files in groups.items():
        numbers = _count(files)
        levels = {"float": 0.0, "int8": harms[group]["int8"], "int4": harms[group]["int4"]}
        choices = tuple(
            Choice(level, numbers * BYTES[level] / 1e6, harm) for level, harm in levels.items()
        )
        layers.append(Layer(group, choices))
    members = {
        group: {file: [matrix.name for matrix in found] for file, found in files.items()}
        for group, files in groups.items()
    }
    return WhisperSpace(layers, members)


def _harms(
    source: Path,
    models: Mapping[str, Any],
    groups: Mapping[str, Mapping[str, Sequence[Matrix]]],
    calibration: Calibration,
    kept: Path,
    progress: Progress,
) -> dict[str, dict[str, float]]:
    """Return the harm of each level to each group; written to ``kept`` after each."""
    harms: dict[str, dict[str, float]] = json.loads(kept.read_text()) if kept.is_file() else {}
    missing = [group for group in groups if group not in harms]
    if not missing:
        return harms
    probe = _Probe(source, models, calibration)
    kept.parent.mkdir(parents=True, exist_ok=True)
    for number, group in enumerate(missing, len(harms) + 1):
        harms[group] = {level: probe.harm(groups[group], level) for level in TECHNIQUES}
        told = ", ".join(f"{level} {harm:.2g}" for level, harm in harms[group].items())
        mb = _count(groups[group]) * BYTES["float"] / 1e6
        progress.say(f"{number} of {len(groups)}, {group}, {mb:.1f} MB: harm of {told}")
        draft = kept.with_suffix(".draft")
        draft.write_text(json.dumps(harms), "utf-8")
        draft.replace(kept)
    return harms


def _groups(models: Mapping[str, Any]) -> dict[str, dict[str, list[Matrix]]]:
    """Return the matrices that are multiplied, by group and file."""
    groups: dict[str, dict[str, list[Matrix]]] = {}
    for file, model in models.items():
        for matrix in onnx_weights.matrices(model):
            if any(use.kind is not Kind.ROWS for use in matrix.uses):
                name = matrix.name.removesuffix(".weight")
                group = name.rpartition(".")[0] or name
                groups.setdefault(group, {}).setdefault(file, []).append(matrix)
    return groups


class _Probe:
    """Rounds one group at a time and looks at the logits."""

    def __init__(self, source: Path, models: Mapping[str, Any], calibration: Calibration) -> None:
        self._source, self._models = source, models
        self._mels, self._tokens = [], []
        whisper = open_whisper(source)
        clips = [item.samples for item in calibration.items if item.samples is not None]
        logits = []
        for samples in clips[:CLIPS]:
            mel = whisper.mel(samples)
            steps = [step for _, step in whisper.steps(mel)]
            self._mels.append(mel)
            self._tokens.append([int(step.argmax()) for step in steps[:-1]])
            logits += steps
        self._logits = _log_softmax(np.stack(logits))

    def harm(self, files: Mapping[str, Sequence[Matrix]], level: str) -> float:
        """Return how far the logits move when the matrices are rounded to ``level``."""
        sessions = {}
        for file, matrices in files.items():
            originals = [matrix.tensor.raw_data for matrix in matrices]
            for matrix in matrices:
                values = numpy_helper.to_array(matrix.tensor)
                rows = values if matrix.turned else values.T  # outputs by inputs
                rounded = _rounded(rows, level)
                back = rounded if matrix.turned else rounded.T
                matrix.tensor.raw_data = np.ascontiguousarray(back, np.float32).tobytes()
            sessions[file] = _session(self._models[file])
            for matrix, original in zip(matrices, originals, strict=True):
                matrix.tensor.raw_data = original
        whisper = open_whisper(self._source, sessions.get(ENCODER), sessions.get(DECODER))
        found = _log_softmax(np.stack(list(self._hear(whisper))))
        return float((np.exp(self._logits) * (self._logits - found)).sum(axis=1).mean())

    def _hear(self, whisper: Whisper) -> list[NDArray[np.float32]]:
        heard = []
        for mel, tokens in zip(self._mels, self._tokens, strict=True):
            heard += [logits for _, logits in whisper.steps(mel, tokens)]
        return heard


def _rounded(rows: Floats, level: str) -> Floats:
    """Return ``rows`` (outputs by inputs) as they come back from ``level``."""
    if level == "int4":
        return int4.quantize(rows, int4.whole_zeros(int4.hqq), BLOCK).values()
    numbers, scale = onnx_int8_dynamic.rounded(rows.T, per_channel=True, bits=8)
    return (numbers * scale).T


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    shifted: NDArray[np.float64] = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    return shifted


def _count(files: Mapping[str, Sequence[Matrix]]) -> int:
    """Return how many numbers the matrices of a group hold."""
    return sum(m.shape[0] * m.shape[1] for matrices in files.values() for m in matrices)


def _session(model: Any) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
