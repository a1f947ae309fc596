"""The report: a table in Markdown, a picture of what is on the Pareto front, and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from edgevoice.runtime.machine import processor
from edgevoice_quantize.measures import Measures
from edgevoice_quantize.outcome import SOURCE, Outcome

mpl.use("Agg")  # before pyplot: there may be no screen
from matplotlib import pyplot

TABLE, PICTURE, FIGURES = "report.md", "report.png", "report.json"

COMMON = {"mb": ("MB", ".1f"), "seconds": ("s", ".1f"), "pss_mb": ("MB resident", ".0f")}
"""Measures of all roles: heading and format."""

ROWS = (4, -10, 12, -18)
"""In points above a mark."""


def write(folder: Path, outcome: Outcome) -> None:
    """Write the three files into ``folder``, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TABLE).write_text(markdown(outcome), "utf-8")
    text = json.dumps({"machine": _machine(), **outcome.flat()}, indent=1)
    (folder / FIGURES).write_text(text + "\n", "utf-8")
    picture(outcome, folder / PICTURE)


def markdown(outcome: Outcome) -> str:
    """Return the table of all variants, each with the verdict on it."""
    own = {key: (key, form) for key, form in outcome.columns.items()}
    columns = COMMON | own
    lines = [
        f"# {outcome.bundle}: {outcome.role}, {outcome.engine}",
        "",
        f"Judged on {outcome.items} held-out items by {', '.join(map(str, outcome.limits))}, "
        f"on {_machine()}.",
        "",
        _line(["", *(heading for heading, _ in columns.values()), "verdict"]),
        _line(["---", *("---:" for _ in columns), "---"]),
        _line([SOURCE, *_cells(outcome.source, columns), ""]),
    ]
    best = outcome.best
    for row in outcome.rows:
        name = f"**{row.name}**" if row is best else row.name
        cells = _cells(row.measures, columns) if row.measures else ["" for _ in columns]
        lines.append(_line([name, *cells, str(row.verdict)]))
    summaries = [f"- {row.name}: {row.recipe.summary}" for row in outcome.rows]
    return "\n".join([*lines, "", *summaries, "", f"![Pareto front]({PICTURE})", ""])


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the numbers of the points that no other beats in both (less is better), in order."""
    order = sorted(range(len(points)), key=lambda n: points[n])
    kept: list[int] = []
    for number in order:
        if not kept or points[number][1] < points[kept[-1]][1]:
            kept.append(number)
    return kept


def picture(outcome: Outcome, file: Path) -> None:
    """Draw quality over size and over time, with the front of the best of both."""
    quality = next(iter(outcome.columns))
    named = [(SOURCE, outcome.source, True)]
    named += [(r.name, r.measures, r.verdict.kept) for r in outcome.rows if r.measures]
    figure, panels = pyplot.subplots(1, 2, figsize=(12, 5), layout="constrained")
    for panel, measure in zip(panels, ("mb", "seconds"), strict=True):
        points = [(m.values[measure], m.values[quality]) for _, m, _ in named]
        edge = [points[number] for number in front(points)]
        panel.plot(*zip(*edge, strict=True), color="tab:blue", linewidth=1, zorder=1)
        for place, number in enumerate(sorted(range(len(points)), key=points.__getitem__)):
            name, _, kept = named[number]
            panel.scatter(*points[number], color="tab:blue" if kept else "tab:red", zorder=2)
            # Names of neighbours stand in different rows.
            offset = (4, ROWS[place % len(ROWS)])
            panel.annotate(*(name, points[number], offset), textcoords="offset points", fontsize=7)
        panel.set_xlabel(COMMON[measure][0])
        panel.set_ylabel(quality)
        panel.set_xlim(0, 1.15 * max(x for x, _ in points))
        panel.grid(alpha=0.3)
    figure.suptitle(f"{outcome.bundle} (red: kept out) on {_machine()}", fontsize=10)
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def _cells(measures: Measures, columns: dict[str, tuple[str, str]]) -> list[str]:
    return [
        format(measures.values[key], form) + _noise(measures, key, form)
        for key, (_, form) in columns.items()
    ]


def _noise(measures: Measures, key: str, form: str) -> str:
    noise = measures.noise.get(key, 0.0)
    return f" ± {noise:{form}}" if noise else ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _machine() -> str:
    return f"{processor().name}, {processor().cores} cores"
