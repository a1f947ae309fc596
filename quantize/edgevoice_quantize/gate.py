"""Whether a variant may be kept: no bigger, no slower, no worse than allowed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgevoice_quantize.budget import Limit

Values = Mapping[str, float]

SLOWER = 1.05
"""A file a quarter of the size is worth a twentieth more time; beyond that a turn is felt."""

MEMORY = 1.03
"""The same bundle took up to 2 % more or less in repeats, as its allocators happened to meet."""

GROUNDS = {
    "mb": ("bigger", "MB", 1.0),
    "seconds": ("slower", "s", SLOWER),
    "pss_mb": ("more memory", "MB resident", MEMORY),
}
"""Measure -> what is said, the unit, and the share of the source's that is allowed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a variant is kept, and why not."""

    reasons: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons

    def __str__(self) -> str:
        return "kept" if self.kept else "; ".join(self.reasons)


def judge(source: Values, candidate: Values, noise: Values, limits: Sequence[Limit]) -> Verdict:
    """Compare ``candidate`` with ``source``; what is within the ``noise`` of a repeat is equal.

    ``limits`` are the quality's. Noise does not widen them: they are promises to a user.
    """
    reasons = []
    for measure, (word, unit, allowed) in GROUNDS.items():
        was, now = source[measure], candidate[measure]
        if not now <= was * allowed + noise.get(measure, 0.0):
            reasons.append(f"{word}: {now:.4g} {unit} instead of {was:.4g}")
    for limit in limits:
        if not limit.excess(source, candidate) <= 0:
            word = "too much" if limit.measure in GROUNDS else "worse"
            was, now = source.get(limit.measure, 0.0), candidate[limit.measure]
            reasons.append(f"{word}: {limit.measure} {now:.4g} (source {was:.4g}) breaks {limit}")
    return Verdict(tuple(reasons))
