"""Draws where the time of a turn goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from bench.dialogue import Turn

MARKS = ("fell", "heard", "asked", "written", "voiced", "over", "audible")
"""The marks of ``TurnTimes``, in the order in which a turn reaches them."""

BARS = (
    ("silence, until the VAD falls", None, "fell"),
    ("speech to text", "fell", "heard"),
    ("first clause", "asked", "written"),
    ("its audio", "written", "voiced"),
    ("until the turn is over", None, "over"),
    ("until it is audible", "over", "audible"),
)


def marks_ms(turn: Turn) -> dict[str, float]:
    """Return the marks of a turn in milliseconds from the true end of speech."""
    return {
        mark: 1000 * (at - turn.speech_end_at)
        for mark in MARKS
        if (at := getattr(turn.times, mark)) is not None
    }


def draw(talks: Mapping[str, Sequence[Turn]], path: Path) -> None:
    """Draw the median turn and the slowest twentieth of each talk, one beside the other."""
    mpl.use("agg")
    figure, axes = plt.subplots(
        len(talks), 2, figsize=(11, 3 * len(talks)), squeeze=False, sharex="row"
    )
    for row, (name, turns) in zip(axes, talks.items(), strict=True):
        ranked = sorted(
            (turn for turn in turns if turn.voice_to_voice_s is not None),
            key=lambda turn: turn.voice_to_voice_s or 0.0,
        )
        middle = ranked[len(ranked) // 2 - 1 : len(ranked) // 2 + 2]
        _waterfall(row[0], middle, f"{name}: median turn")
        _waterfall(row[1], ranked[-max(1, len(ranked) // 20) :], f"{name}: slowest 5 %")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _waterfall(axis: Axes, turns: Sequence[Turn], title: str) -> None:
    marks = [marks_ms(turn) for turn in turns]
    for level, (label, start, end) in enumerate(BARS):
        spans = [(m.get(start, 0.0) if start else 0.0, m[end]) for m in marks if end in m]
        if spans:
            left, right = np.median(spans, axis=0)
            axis.barh(level, right - left, left=left)
            axis.text(right, level, f" {right - left:.0f}", va="center", fontsize=8)
        axis.text(0, level - 0.42, label, fontsize=7, va="center")
    axis.invert_yaxis()
    axis.set_yticks([])
    axis.set_xlabel("ms after the end of speech")
    axis.set_title(title, fontsize=10)
