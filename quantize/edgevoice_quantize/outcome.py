"""What came of making a bundle smaller: the source's figures, and each variant's beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgevoice_quantize.budget import Limit
from edgevoice_quantize.gate import Verdict
from edgevoice_quantize.measures import Measures
from edgevoice_quantize.recipe import Recipe

SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Row:
    """One variant. ``measures`` are None when it could not be built or run; the verdict says so."""

    recipe: Recipe
    measures: Measures | None
    verdict: Verdict
    searched: bool = False

    @property
    def name(self) -> str:
        """The recipe's."""
        return self.recipe.name

    def flat(self) -> dict[str, Any]:
        """Return it for JSON, the figures beside the name."""
        told: dict[str, Any] = {
            "name": self.name,
            "summary": self.recipe.summary,
            "searched": self.searched,
            "kept": self.verdict.kept,
            "reasons": list(self.verdict.reasons),
        }
        return told | flat(self.measures)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All variants of one source, judged on ``items`` held-out items."""

    bundle: str
    role: str
    engine: str
    limits: tuple[Limit, ...]
    columns: Mapping[str, str]
    items: int
    source: Measures
    rows: tuple[Row, ...]
    fastest: bool = False

    @property
    def best(self) -> Row | None:
        """The smallest that is kept, or the fastest where that is asked; None when none is."""
        return best(self.rows, fastest=self.fastest)

    @property
    def nearest(self) -> Row | None:
        """The one least beyond the limits, to be shown when none is kept."""
        measured = [row for row in self.rows if row.measures]
        return min(measured, key=self._beyond, default=None)

    def flat(self) -> dict[str, Any]:
        """Return it for JSON: the source, the best, and all."""
        return {
            "bundle": self.bundle,
            "role": self.role,
            "engine": self.engine,
            "budget": ", ".join(map(str, self.limits)),
            "held_out_items": self.items,
            SOURCE: flat(self.source),
            "best": self.best.flat() if self.best else None,
            "all": [row.flat() for row in self.rows],
        }

    def _beyond(self, row: Row) -> float:
        assert row.measures  # noqa: S101 - for the type checker; ``nearest`` looked
        values = row.measures.values
        return max((limit.excess(self.source.values, values) for limit in self.limits), default=0.0)


def best(rows: Sequence[Row], *, fastest: bool) -> Row | None:
    """Return the smallest, or fastest, of those that are kept."""
    kept = [(row.measures, row) for row in rows if row.verdict.kept and row.measures]
    measure = "seconds" if fastest else "mb"
    return min(kept, key=lambda pair: pair[0].values[measure], default=(None, None))[1]


def flat(measures: Measures | None) -> dict[str, Any]:
    """Return figures, their noise and details in one table."""
    if not measures:
        return {}
    noise = {f"{key}_noise": value for key, value in measures.noise.items()}
    return {**measures.values, **noise, **measures.details}
