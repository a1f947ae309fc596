"""What all benchmarks print: the machine, a table, and their figures as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from edgevoice.runtime.machine import processor


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with what every benchmark takes."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return made


def machine() -> str:
    """Return the machine in a few words, to stand beside every figure."""
    return f"{processor().name}, {processor().cores} cores"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table with the machine's name under it."""
    made = Table(
        title=title,
        box=None,
        pad_edge=False,
        caption=machine(),
        title_justify="left",
        caption_justify="left",
    )
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index else "left")
    for row in rows:
        made.add_row(*(str(cell) for cell in row))
    Console().print(made)


def write(path: Path | None, figures: dict[str, object]) -> None:
    """Write ``figures`` with the machine's name to ``path``, if there is one."""
    if path:
        path.write_text(json.dumps({"machine": machine(), **figures}, indent=1) + "\n")


def percentile_ms(seconds: Sequence[float], percent: float) -> float:
    """Return a percentile of times in seconds as whole milliseconds; NaN of none."""
    return float(round(float(np.percentile(seconds, percent)) * 1000)) if seconds else float("nan")
