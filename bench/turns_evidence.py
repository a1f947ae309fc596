"""What the models say about the items of the test set: asked once, kept in the cache folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from bench.turn_set_item import Item
from edgevoice.backends import engines
from edgevoice.backends.protocols import EARS_RATE, Samples, Stt, TurnEnd, Vad
from edgevoice.backends.silero import FRAME_SAMPLES
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.runtime.bundles.store import Store
from edgevoice.runtime.echo import EchoCanceller
from edgevoice_quantize.speech import cache_folder

Answer = TypeVar("Answer", float, str)


BLOCK_S = 0.02
"""In which loudspeaker and microphone are handed to the canceller."""


def cleaned(item: Item) -> Item:
    """Return ``item`` as the ears get it: the reply's echo taken out, if there is a reply.

    The canceller knows the room from the same seconds heard once before.
    """
    if item.loudspeaker is None:
        return item
    canceller = EchoCanceller(EARS_RATE)
    out: list[Samples] = []
    size = round(BLOCK_S * EARS_RATE)
    count = len(item.samples) // size
    for number in range(2 * count):
        block = slice(number % count * size, (number % count + 1) * size)
        at = (number + 1) * BLOCK_S
        canceller.reference.write(item.loudspeaker[block], at)
        out.append(canceller.clean(item.samples[block], at))
    return replace(item, samples=np.concatenate(out[count:]))


class Models:
    """The default models that a turn's end is decided with; each is loaded when it is asked."""

    def __init__(self, store: Store) -> None:
        self.bundles = [
            store.get(name) for name in ("silero-vad", "smart-turn-v3", "moonshine-tiny-en")
        ]
        self._loaded: dict[str, Any] = {}

    @property
    def vad(self) -> Vad:
        """Silero."""
        vad: Vad = self._load(self.bundles[0])
        return vad

    @property
    def turn_end(self) -> TurnEnd:
        """Smart Turn."""
        turn_end: TurnEnd = self._load(self.bundles[1])
        return turn_end

    @property
    def stt(self) -> Stt:
        """Moonshine."""
        stt: Stt = self._load(self.bundles[2])
        return stt

    def _load(self, bundle: Bundle) -> Any:
        if bundle.name not in self._loaded:
            self._loaded[bundle.name] = engines.load(bundle)
        return self._loaded[bundle.name]


class Evidence:
    """What the models say about one item, at any time in it. Times are in seconds."""

    def __init__(self, item: Item, models: Models) -> None:
        key = hashlib.sha256(item.samples.tobytes())
        for bundle in models.bundles:
            key.update(bundle.files[0].sha256.encode())
        self._file = cache_folder().parent / "bench" / "turns" / f"{key.hexdigest()[:16]}.json"
        self._samples = item.samples
        self._models = models
        self._known: dict[str, Any] = {"vad": [], "score": {}, "text": {}}
        if self._file.exists():
            self._known = json.loads(self._file.read_text("utf-8"))
        self._new = False

    @property
    def speech(self) -> list[float]:
        """The VAD's probability of speech for each frame."""
        if not self._known["vad"]:
            self._new = True
            self._known["vad"] = _probabilities(self._models.vad, self._samples)
        frames: list[float] = self._known["vad"]
        return frames

    @property
    def frames(self) -> list[tuple[float, float]]:
        """The VAD's probability of speech for each frame, and its level in dB."""
        size = FRAME_SAMPLES
        used = self._samples[: len(self.speech) * size].reshape(-1, size)
        power = np.mean(np.square(used, dtype=np.float64), axis=1)
        return list(zip(self.speech, (10 * np.log10(power + 1e-12)).tolist(), strict=True))

    def score(self, since: float, at: float) -> float:
        """Return the probability that the turn is over, asked at ``at``."""
        span = _span(since, at)
        return self._ask("score", span, lambda: self._models.turn_end.probability(self._cut(span)))

    def text(self, since: float, at: float) -> str:
        """Return the transcript, asked at ``at``."""
        span = _span(since, at)
        return self._ask(
            "text", span, lambda: self._models.stt.transcribe(self._cut(span), CancelScope())
        )

    def save(self) -> None:
        """Keep what was learnt."""
        if self._new:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(self._known), encoding="utf-8")
            part.rename(self._file)
            self._new = False

    def _ask(self, what: str, span: tuple[int, int], ask: Callable[[], Answer]) -> Answer:
        answers: dict[str, Answer] = self._known[what]
        key = f"{span[0]}-{span[1]}"
        if key not in answers:
            self._new = True
            answers[key] = ask()
        return answers[key]

    def _cut(self, span: tuple[int, int]) -> Samples:
        return self._samples[span[0] : span[1]]


def _span(since: float, at: float) -> tuple[int, int]:
    return max(0, round(since * EARS_RATE)), round(at * EARS_RATE)


def _probabilities(vad: Vad, samples: Samples) -> list[float]:
    vad.reset()
    size = vad.frame_samples
    starts = range(0, len(samples) - size + 1, size)
    return [round(vad.probability(samples[at : at + size]), 3) for at in starts]
