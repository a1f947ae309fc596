"""The constants of ``edgevoice.core.turn_taking``, fitted on half of the test set.

First the weights of the evidence, by logistic regression over all silences of the turns; then
the thresholds: of all in a grid that keep within the cut-offs allowed, those with the least wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bench.report import table
from bench.turn_set_item import OVER_THE_REPLY, Item, Kind
from bench.turns_evidence import Evidence
from bench.turns_talk import FRAME_S, LANES_S, listen
from edgevoice.core.events import SpeechEnded, SpeechStarted
from edgevoice.core.speech_detector import SpeechDetector
from edgevoice.core.turn_evidence import log_odds, said_little
from edgevoice.core.words import Look, look
from edgevoice.runtime.jobs import PREROLL_S

CUT_OFF = 0.02
CUT_OFF_LONG = 0.05
"""Allowed of all turns, and of those with long pauses."""

SHORTEST_S = 0.1
"""Of a silence in which any decision could fall."""

SURE_S = (0.16, 0.18, 0.2, 0.22, 0.25, 0.3, 0.35)
UNSURE_S = (1.2, 1.3, 1.4)
ABOVE = np.arange(0.6, 0.97, 0.02)
BELOW = np.arange(0.02, 0.3, 0.02)
"""The grid. The last counts down from the one before."""

RIDGE = 0.05

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence of a turn, and what is known in it. Times in seconds of the item."""

    item: int
    until: float
    fell_at: float
    next_at: float
    probability: float
    look: Look

    @property
    def evidence(self) -> list[float]:
        """What the weights belong to."""
        words = self.look
        return [1.0, log_odds(self.probability), float(words.open_end), float(said_little(words))]


def fit(pairs: Sequence[tuple[Item, Evidence]]) -> None:
    """Fit all constants and print them."""
    turns = [pair for pair in pairs if pair[0].kind not in (*OVER_THE_REPLY, Kind.SENTENCES)]
    silences = [s for number, pair in enumerate(turns) for s in heard(number, *pair)]
    long = [s for s in silences if s.next_at - s.fell_at > SHORTEST_S]
    last = np.array([np.isinf(s.next_at) for s in long], float)
    weights = regression(np.array([s.evidence for s in long]), last)
    table(
        "Weights of the evidence",
        ["", "weight"],
        zip(("EVEN", "EAR", "OPEN_END", "LITTLE"), weights.round(2), strict=True),
    )
    rows = sorted(thresholds([item for item, _ in turns], silences, weights))
    columns = ["mean wait s", "cut off", "long", "sure_s", "unsure_s", "sure_above", "unsure_below"]
    table(f"Thresholds with up to {CUT_OFF:.0%} cut off", columns, np.round(rows[:5], 3))


def heard(number: int, item: Item, evidence: Evidence) -> Iterable[Silence]:
    """Return the silences in an item in which words were heard before."""
    events = listen(evidence.frames, SpeechDetector(FRAME_S))
    since = next((e.since for e in events if isinstance(e, SpeechStarted)), 0.0)
    for event, after in zip(events, [*events[1:], None], strict=True):
        if isinstance(event, SpeechEnded):
            words = look(evidence.text(since - PREROLL_S, event.at))
            probability = evidence.score(since, event.at)
            next_at = after.at if after else float("inf")
            if words.words:
                yield Silence(number, event.until, event.at, next_at, probability, words)
    evidence.save()
    del item


def regression(evidence: Floats, last: Floats) -> Floats:
    """Return the weights by which ``evidence`` tells that a silence is the last (Newton)."""
    weights = np.zeros(evidence.shape[1])
    for _ in range(50):
        sure = 1 / (1 + np.exp(-evidence @ weights))
        slope = evidence.T @ (sure - last) + RIDGE * weights
        curve = (evidence * (sure * (1 - sure))[:, None]).T @ evidence
        weights -= np.linalg.solve(curve + RIDGE * np.eye(len(weights)), slope)
    return weights


def thresholds(
    items: Sequence[Item], silences: Sequence[Silence], weights: Floats
) -> Iterable[tuple[float, ...]]:
    """Yield all thresholds that keep within the limits, with the mean wait and the cut-offs."""
    over = 1 / (1 + np.exp(-np.array([s.evidence for s in silences]) @ weights))
    owner = np.array([s.item for s in silences])
    until = np.array([s.until for s in silences])
    ready = np.array([s.fell_at for s in silences]) + LANES_S
    next_at = np.array([s.next_at for s in silences])
    end = np.array([item.end_s for item in items])
    is_long = np.array([item.kind is Kind.LONG_PAUSES for item in items])
    for sure_s, unsure_s, above, down in product(SURE_S, UNSURE_S, ABOVE, BELOW):
        doubt = np.clip((above - over) / down, 0, 1)
        decided = until + sure_s + doubt * (unsure_s - sure_s)
        answered = np.flatnonzero(np.maximum(decided, ready) < next_at)
        _, first = np.unique(owner[answered], return_index=True)
        chosen = answered[first]
        cut = np.maximum(decided, ready)[chosen] < end[owner[chosen]]
        long_cut = cut[is_long[owner[chosen]]].mean()
        if cut.mean() <= CUT_OFF and long_cut <= CUT_OFF_LONG:
            wait = float((decided[chosen] - end[owner[chosen]])[~cut].mean())
            yield wait, float(cut.mean()), float(long_cut), sure_s, unsure_s, above, above - down
