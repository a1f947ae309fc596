"""Decides what of a token cache can stay when the next prompt comes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MIN_MOVED = 32
"""Fewer matching tokens are evaluated anew: moving turns every cached key, and is inexact."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """What stays of a cache: its first ``kept`` tokens, and ``moved`` ones behind a hole.

    The hole begins behind the kept tokens and is ``hole`` long; the moved tokens close up over
    it. All others go.
    """

    kept: int
    hole: int = 0
    moved: int = 0

    @property
    def total(self) -> int:
        """Tokens that the cache holds afterwards."""
        return self.kept + self.moved


def plan_reuse(cached: Sequence[int], wanted: Sequence[int], *, can_move: bool = True) -> Reuse:
    """Return how to make ``cached`` a beginning of ``wanted``, as long a one as possible.

    Moved tokens were computed in sight of those in the hole and keep what they saw there: that
    serves a talk whose oldest turns were dropped, and saves evaluating the rest of it again.
    """
    kept = common_prefix(cached, wanted)
    best = Reuse(kept)
    if not can_move or kept == len(wanted):
        return best
    for start in range(kept + 1, len(cached) - MIN_MOVED + 1):
        if cached[start] != wanted[kept]:
            continue
        moved = common_prefix(cached[start:], wanted[kept:])
        if moved >= max(MIN_MOVED, best.moved + 1):
            best = Reuse(kept, start - kept, moved)
    return best


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """Return how many items ``a`` and ``b`` begin with in common."""
    for index, (left, right) in enumerate(zip(a, b, strict=False)):
        if left != right:
            return index
    return min(len(a), len(b))
