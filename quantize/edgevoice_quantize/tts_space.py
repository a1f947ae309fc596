"""What the search may give a voice's weights, and how much harm each does by itself.

Weights are decided about in groups, by the names of the nodes that use them. The harm of a level
is the mean square of the mel-cepstral distance (dB) when one group alone is rounded to it: where
errors know nothing of one another, squares are what adds up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import numpy_helper

from edgevoice.core.bundle import Bundle, Role
from edgevoice.errors import Misused
from edgevoice.runtime.bundles.local import bundle_in_place
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_quantize import onnx_weights
from edgevoice_quantize.held_out import Calibration
from edgevoice_quantize.mel_cepstrum import compare
from edgevoice_quantize.recipe import Recipe, Step
from edgevoice_quantize.search import Choice, Layer
from edgevoice_quantize.stored_weights import Weight, restored, weights
from edgevoice_quantize.voice_feeds import Feeds, feeds_of

LINES = 6
"""Spoken for each harm: some 15 s of sound."""

KINDS = ("Conv", "ConvTranspose", "Gather", "MatMul", "Gemm")

LEAST = 1024
"""Numbers. Smaller weights stay as they are."""

DEPTH = 3
"""Names tell a node's place, "/enc_p/encoder/ffn_layers.0/conv_1/Conv": so many parts of it,
without the node's own, are a group."""

SMALL = 50_000
"""A group of fewer numbers is joined with its neighbours of the same parent."""

BLOCK = 32
"""Numbers that share a scale in int4."""

BYTES = {"fp16": 2.0, "int8": 1.0, "int4": 0.5 + 2 / BLOCK}
"""A number's, with int4's scales, which are in fp16."""

BITS = {"int8": 8, "int4": 4}

FAR_DB = 10.0
"""What counts for a sound that is none."""

HARMS = "harms.json"


@dataclass(frozen=True, slots=True)
class VoiceSpace:
    """Fulfils ``Space``. ``members`` are the names of the weights of each group."""

    engine: str
    layers: Sequence[Layer]
    members: Mapping[str, Sequence[str]]

    def recipe(self, chosen: Mapping[str, str]) -> Recipe:
        """Return the recipe for ``chosen``, named by what it chooses."""
        steps = []
        for level, bits in BITS.items():
            names = [
                name
                for group, of_group in chosen.items()
                if of_group == level
                for name in self.members[group]
            ]
            if names:
                options = {"op_types": [*KINDS], "include": names, "bits": bits, "block": BLOCK}
                steps.append(Step("*.onnx", "onnx_int8_conv_weights", options))
        text = json.dumps(sorted(chosen.items()))
        counts = {level: list(chosen.values()).count(level) for level in BYTES}
        told = ", ".join(f"{count} in {level}" for level, count in counts.items() if count)
        return Recipe(
            name=f"tts-search-{hashlib.sha256(text.encode()).hexdigest()[:6]}",
            role=Role.TTS,
            engine=self.engine,
            steps=(*steps, Step("*.onnx", "onnx_fp16")),
            summary=f"Found by the search: of {len(chosen)} groups {told}",
        )


def space(source: Path, calibration: Calibration, work: Path, progress: Progress) -> VoiceSpace:
    """Return the space of the voice in ``source``; harms are kept in ``work``.

    Raises:
        Misused: it has not one graph.

    """
    bundle = bundle_in_place(source)
    model = onnx_weights.load(graph_of(bundle))
    groups = grouped(weights(model, KINDS, LEAST))
    kept = work / HARMS
    harms: dict[str, dict[str, float]] = json.loads(kept.read_text()) if kept.is_file() else {}
    probe: _Probe | None = None
    for number, (group, members) in enumerate(groups.items(), 1):
        if group not in harms:
            probe = probe or _Probe(graph_of(bundle), model, calibration, bundle.sample_rate)
            harms[group] = {level: probe.harm(members, bits) for level, bits in BITS.items()}
            told = ", ".join(f"{level} {harm:.2g}" for level, harm in harms[group].items())
            size_mb = 4 * _numbers(members) / 1e6
            progress.say(f"{number} of {len(groups)} {group}: {size_mb:.1f} MB, harm: {told}")
            work.mkdir(parents=True, exist_ok=True)
            draft = kept.with_suffix(".draft")
            draft.write_text(json.dumps(harms), "utf-8")
            draft.replace(kept)
    layers = []
    for group, members in groups.items():
        levels = {"fp16": 0.0, **harms[group]}
        choices = tuple(
            Choice(level, _numbers(members) * BYTES[level] / 1e6, harm)
            for level, harm in levels.items()
        )
        layers.append(Layer(group, choices))
    names = {group: [weight.name for weight in members] for group, members in groups.items()}
    return VoiceSpace(bundle.engine, layers, names)


def graph_of(bundle: Bundle) -> Path:
    """Return the only graph of ``bundle``.

    Raises:
        Misused: it has not one.

    """
    graphs = [file.name for file in bundle.files if file.name.endswith(".onnx")]
    if len(graphs) != 1:
        raise Misused(f"{bundle.name} has {len(graphs)} graphs; the search is for voices of one.")
    return bundle.path(graphs[0])


def grouped(found: Sequence[Weight]) -> dict[str, list[Weight]]:
    """Return the weights by place in the graph, small neighbours together."""
    fine: dict[str, list[Weight]] = {}
    for weight in found:
        fine.setdefault(_place(weight, DEPTH), []).append(weight)
    groups: dict[str, list[Weight]] = {}
    for place, members in fine.items():
        small = _numbers(members) < SMALL
        groups.setdefault(_place(members[0], DEPTH - 1) if small else place, []).extend(members)
    return groups


def _place(weight: Weight, depth: int) -> str:
    parts = weight.nodes[0].strip("/").split("/")
    return "/".join(parts[:-1][:depth]) or weight.name


def _numbers(members: Sequence[Weight]) -> int:
    return sum(weight.numbers for weight in members)


class _Probe:
    """Rounds one group at a time and listens."""

    def __init__(self, file: Path, model: Any, calibration: Calibration, rate: int) -> None:
        self._model, self._rate = model, rate
        texts = [item.text for item in calibration.items[:LINES]]
        self._feeds = list(feeds_of(file, texts, noise=False))
        self._wanted = self._spoken()

    def harm(self, members: Sequence[Weight], bits: int) -> float:
        """Return the mean square of the distance when ``members`` are rounded to ``bits``."""
        originals = [weight.values() for weight in members]
        for weight, values in zip(members, originals, strict=True):
            back = restored(values, weight.axis, bits, BLOCK)
            weight.tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(back), weight.name))
        given = self._spoken()
        for weight, values in zip(members, originals, strict=True):
            weight.tensor.CopyFrom(numpy_helper.from_array(values, weight.name))
        return fmean(map(self._apart, self._wanted, given))

    def _apart(self, wanted: NDArray[np.float32], given: NDArray[np.float32]) -> float:
        try:
            return compare(wanted, given, self._rate).mcd_db ** 2
        except ValueError:
            return FAR_DB**2

    def _spoken(self) -> list[NDArray[np.float32]]:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = ort.InferenceSession(
            self._model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return [self._sound(session, feeds) for feeds in self._feeds]

    def _sound(self, session: Any, feeds: Feeds) -> NDArray[np.float32]:
        sound: NDArray[np.float32] = session.run(None, feeds)[0].reshape(-1)
        return sound
