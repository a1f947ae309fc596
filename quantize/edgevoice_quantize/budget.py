"""What a user allows to be lost: "wer+0.5", "kl<=0.05", "mcd<=1.0", "size<=60MB", "time<=75%"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from edgevoice.errors import Misused

SHARES = {"wer", "drift", "top1", "length_drift"}
"""Measures that are shares; a budget gives them in per cent (points)."""

NAMES = {"size": "mb", "time": "seconds", "memory": "pss_mb", "mcd": "mcd_db"}
"""What a budget calls a measure, where it is not the measure's own name."""

KNOWN = (
    "wer",
    "drift",
    "kl",
    "perplexity",
    "top1",
    "mcd",
    "length_drift",
    "size",
    "time",
    "memory",
)

_LIMIT = re.compile(r"([a-z_0-9]+)\s*(<=|>=|\+)\s*([0-9]*\.?[0-9]+)\s*(%|MB|GB|s|dB)?", re.I)
_UNITS = {"mb": "mb", "pss_mb": "mb", "seconds": "s", "mcd_db": "db"}

OF_SOURCE = "<=%"
"""The sign of a limit that is a share of the source's."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound on one measure.

    ``sign`` is "<=", ">=", "+" for at most so much above the source's, or "<=%" for at most such
    a share of the source's.
    """

    measure: str
    sign: str
    bound: float

    def excess(self, source: Mapping[str, float], candidate: Mapping[str, float]) -> float:
        """Return how far ``candidate`` is beyond the bound, as a share of it; <= 0 is within.

        Raises:
            Misused: the measure is not one of this role's.

        """
        if self.measure not in candidate:
            own = ", ".join(sorted(candidate))
            raise Misused(f"{self.measure} is not measured here.", hint=f"a budget of {own}")
        value = candidate[self.measure]
        if self.sign == "+":
            value -= source[self.measure]
        elif self.sign == OF_SOURCE:
            value /= source[self.measure]
        beyond = self.bound - value if self.sign == ">=" else value - self.bound
        return beyond / (self.bound or 1.0) if beyond == beyond else float("inf")

    def __str__(self) -> str:
        """Return it as a user would write it, in the measure's own unit."""
        points = 100 if self.measure in SHARES or self.sign == OF_SOURCE else 1
        sign = self.sign.removesuffix("%")
        return f"{self.measure}{sign}{self.bound * points:g}{'%' if points > 1 else ''}"


def parse(text: str) -> tuple[Limit, ...]:
    """Return the limits in ``text``, which commas part.

    Raises:
        Misused: it is not a budget.

    """
    return tuple(_limit(part.strip()) for part in text.split(","))


def _limit(text: str) -> Limit:
    found = _LIMIT.fullmatch(text)
    example = "wer+0.5, kl<=0.05, mcd<=1.0 or size<=60MB"
    if not found:
        raise Misused(f"{text!r} is not a budget.", hint=example)
    name, sign, number, unit = found.groups()
    if name not in KNOWN:
        raise Misused(f"Nothing called {name!r} is measured.", hint=f"one of {', '.join(KNOWN)}")
    measure = NAMES.get(name, name)
    bound = float(number)
    unit = (unit or "").lower()
    if measure in SHARES and unit in {"", "%"}:
        return Limit(measure, sign, bound / 100)
    if unit == "%" and sign == "<=" and _UNITS.get(measure) in {"mb", "s"}:
        return Limit(measure, OF_SOURCE, bound / 100)
    if unit == "gb" and _UNITS.get(measure) == "mb":
        return Limit(measure, sign, bound * 1000)
    if unit not in {"", _UNITS.get(measure)}:
        raise Misused(f"{text!r} has the wrong unit.", hint=example)
    return Limit(measure, sign, bound)
