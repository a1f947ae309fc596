"""Finds what to give each layer, by what it saves and by how much harm it does.

Pure: sizes and sensitivities come in, candidates are judged by a function that is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Chosen = Mapping[str, str]
"""Name of a layer -> level."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What one layer may be given.

    ``cost`` is what the search makes small: MB of the layer for the smallest model, seconds for
    the fastest. ``harm`` is how much worse the model becomes when this layer alone is given it,
    in any unit that is the same for all layers of a space.
    """

    level: str
    cost: float
    harm: float


@dataclass(frozen=True, slots=True)
class Layer:
    """A part of the model that is decided about as one: a matrix, a block, a file.

    The first of ``choices`` is the gentlest; the search starts from there.
    """

    name: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate and how far it was beyond the budget; 0 or less is within."""

    chosen: Chosen
    cost: float
    excess: float


def search(layers: Sequence[Layer], excess: Callable[[Chosen], float]) -> list[Tried]:
    """Return all candidates that were tried, best first: within the budget, then the cheapest.

    ``excess`` builds and measures a candidate and says how far it is beyond the budget. When
    the first candidate returned is beyond it, none is within, and it is the nearest.
    """
    raise NotImplementedError
