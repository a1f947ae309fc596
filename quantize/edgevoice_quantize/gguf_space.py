"""What the search may give each part of a GGUF model, and how much harm each type does there.

To run the model once for every layer and type would take hours. The harm of a type in a tensor
is foreseen from two things instead: how far the products with that tensor are then off (ggml's
own rounding on some rows, weighed by the importance matrix), and what an error of that size
costs in a part of the model, measured by the divergence of a model that has only this part in
``PROBE``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from edgevoice.backends.gguf_header import GgufHeader, read_header
from edgevoice.core.bundle import Bundle, Role
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_quantize import child, ggml_error, gguf, imatrix
from edgevoice_quantize.held_out import Calibration
from edgevoice_quantize.recipe import Recipe, Step
from edgevoice_quantize.search import Choice, Layer

LADDER = ("Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "IQ4_XS", "Q3_K", "IQ3_S")
"""Rows that are no multiple of 256 get what llama.cpp falls back to.

The older types with a least value for each block, Q5_1 and Q4_1, are seldom the best bargain;
but a checkpoint that was made from weights of such a type loses nothing in it.
"""

PROBE = "Q4_0"
"""Coarse enough for its harm to stand out, and quickly made."""

BANDS = 4
"""Parts into which the model's depth is cut for probing."""

VERSION = 1
"""Raised when probes of an earlier kind must not be reused."""

PROBED_TEXTS = 16
"""Texts on which a probe is compared: their divergence is known to some 10 %."""

KINDS = {
    "attn_q": "attn_qk",
    "attn_k": "attn_qk",
    "ffn_gate": "ffn_in",
    "ffn_up": "ffn_in",
}
"""Tensors that are decided about together: what one of them loses, the other cannot use."""

_BLOCK = re.compile(r"blk\.(\d+)\.(\w+)\.weight")


@dataclass(frozen=True, slots=True)
class Space:
    """Fulfils ``Space`` of the measures."""

    layers: Sequence[Layer]
    tensors: Mapping[str, tuple[str, ...]]
    """Names of the tensors of each layer."""

    def recipe(self, chosen: Mapping[str, str]) -> Recipe:
        """Return the recipe that gives every layer the chosen type."""
        types = {
            f"^{re.escape(tensor)}$": kind
            for layer, kind in chosen.items()
            for tensor in self.tensors[layer]
        }
        costs = {(la.name, c.level): c.cost for la in self.layers for c in la.choices}
        megabytes = sum(costs[each] for each in chosen.items())
        step = Step(
            "*.gguf",
            "gguf",
            {"type": "Q8_0", "pure": True, "tensors": types},
            "{stem}.mixed.gguf",
        )
        name = f"llm-mixed-{megabytes:.1f}MB"
        return Recipe(name, Role.LLM, "gguf", (step,), "a type for each layer by its sensitivity")


def explore(bundle: Bundle, calibration: Calibration, work: Path, progress: Progress) -> Space:
    """Return the space of the GGUF file of ``bundle``. Takes minutes; what it found is kept.

    Raises:
        ModelError: its weights are not in f16 or f32.

    """
    name = next(file.name for file in bundle.files if file.name.endswith(".gguf"))
    path = bundle.path(name)
    header = read_header(path)
    tensors = layers_of(header)
    probes = _Probes(path, bundle.folder, calibration, work, progress)
    errors = {
        layer: _errors(path, header, names, probes.importance) for layer, names in tensors.items()
    }
    groups: dict[str, list[str]] = {}
    depth = 1 + max((int(m[1]) for m in map(_BLOCK.match, header.tensors) if m), default=0)
    for layer in tensors:
        groups.setdefault(_group(layer, depth), []).append(layer)
    layers = []
    for group, members in groups.items():
        harm = probes.divergence(group, [tensor for each in members for tensor in tensors[each]])
        total = sum(errors[each][PROBE][1] for each in members)
        layers += [_layer(each, errors[each], harm / max(total, 1e-30)) for each in members]
    return Space(layers, tensors)


def layers_of(header: GgufHeader) -> dict[str, tuple[str, ...]]:
    """Return the tensors that are quantized, by the layer in which they are decided about."""
    found: dict[str, tuple[str, ...]] = {}
    for name in gguf.weights(header):
        match = _BLOCK.fullmatch(name)
        layer = f"blk.{match[1]}.{KINDS.get(match[2], match[2])}" if match else name
        found[layer] = (*found.get(layer, ()), name)
    return found


def _group(layer: str, depth: int) -> str:
    _, number, kind = (*layer.split("."), "", "")[:3]
    return f"{kind} {BANDS * int(number) // depth}" if number.isdigit() else layer


def _layer(name: str, errors: Mapping[str, tuple[float, float]], gain: float) -> Layer:
    choices: list[Choice] = []
    for kind, (megabytes, error) in errors.items():
        # What falls back to a type that is there already is no choice more.
        if kind in LADDER and not any(
            c.cost == megabytes and c.harm == gain * error for c in choices
        ):
            choices.append(Choice(kind, megabytes, gain * error))
    # Of two types of one size the better is the only choice.
    best = [c for c in choices if not any(o.cost <= c.cost and o.harm < c.harm for o in choices)]
    return Layer(name, tuple(sorted(best, key=lambda c: -c.cost)))


def _errors(
    path: Path, header: GgufHeader, names: Sequence[str], importance: imatrix.Importance
) -> dict[str, tuple[float, float]]:
    """Return MB and error of the tensors called ``names``, by the type that is asked for."""
    found: dict[str, tuple[float, float]] = {}
    rows = {name: ggml_error.some_rows(path, header.tensors[name]) for name in names}
    for kind in (*LADDER, PROBE):
        megabytes = error = 0.0
        for name in names:
            tensor = header.tensors[name]
            real = gguf.fitting(kind, tensor.shape)
            megabytes += gguf.size_bytes(real, tensor.shape) / 1e6
            outputs = prod(tensor.shape[1:])
            error += outputs * ggml_error.error(rows[name], real, importance.get(name))
        found[kind] = (megabytes, error)
    return found


class _Probes:
    """Models of which one part is coarse, and how far they diverge from the source."""

    def __init__(
        self, path: Path, folder: Path, calibration: Calibration, work: Path, progress: Progress
    ) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self._path, self._work, self._progress = path, work, progress
        self._texts = [item.text for item in calibration.items]
        about = f"{VERSION}-{calibration.fingerprint()[:16]}"
        self._kept = work / f"probes-{about}.npy"
        self._known_file = work / f"probes-{about}.json"
        self._known: dict[str, float] = {}
        if self._known_file.is_file():
            self._known = json.loads(self._known_file.read_text("utf-8"))
        importance = work / f"importance-{about}.npz"
        if not importance.is_file():
            progress.say("gathering the importance matrix")
            job = {"model": str(path), "texts": self._texts, "target": str(importance)}
            child.run("edgevoice_quantize.imatrix_child", job)
        self.importance = imatrix.load(importance)
        self._importance_file = importance
        job = {"texts": self._texts[:PROBED_TEXTS], "source": str(self._kept)}
        keep = {"job": "keep", "bundle": str(folder), **job}
        self._readings = child.run("edgevoice_quantize.llm_child", keep)["readings"]

    def divergence(self, group: str, names: Sequence[str]) -> float:
        """Return the divergence of the model that has only the tensors ``names`` in ``PROBE``."""
        if group not in self._known:
            variant = self._work / "probe"
            variant.mkdir(exist_ok=True)
            types = {f"^{re.escape(name)}$": PROBE for name in names} | {".": "F16"}
            gguf.quantize(
                self._path,
                variant / "probe.gguf",
                gguf.GgufTypes(PROBE, types),
                importance=self._importance_file,
            )
            job = {"job": "compare", "bundle": str(variant), "source": str(self._kept)}
            answer = child.run("edgevoice_quantize.llm_child", {**job, "readings": self._readings})
            (variant / "probe.gguf").unlink()
            self._known[group] = max(0.0, answer["kl"])
            self._progress.say(f"{group} in {PROBE}: KL {self._known[group]:.4f}")
            draft = self._known_file.with_suffix(".partial")
            draft.write_text(json.dumps(self._known), "utf-8")
            draft.replace(self._known_file)
        return self._known[group]
