"""Finds what to give each layer, by what it saves and by how much harm it does.

Pure: costs and harms come in, candidates are judged by a function that is passed in.

Every step to a next, cheaper level of a layer has a price: the harm it adds for what it saves.
Taken in the order of their prices, the steps are a path from the gentlest model to the
cheapest, and the budget is left somewhere on it: bisection finds the place in a few candidates.
Harms are only foreseen, one layer at a time, so what lies around the place is looked at too:
some steps that follow are tried one by one, since a later one may do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Chosen = Mapping[str, str]
"""Name of a layer -> level."""

TRIES_BEYOND = 3
"""Single steps that are tried after the bisection."""


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
class Step:
    """Giving ``layer`` the ``level`` instead of what it had; it ``saves`` so much cost."""

    layer: str
    level: str
    saves: float
    harm: float

    @property
    def price(self) -> float:
        """Harm for what is saved."""
        return self.harm / self.saves


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate and how far it was beyond the budget; 0 or less is within."""

    chosen: Chosen
    cost: float
    excess: float


def path(layers: Sequence[Layer]) -> list[Step]:
    """Return all steps worth taking, the best bargains first, each layer's in their order.

    Of a layer's choices only those on the lower hull of harm over cost count: a level that costs
    more than another and does no less harm is never given, and no step is a worse bargain than
    the one after it.
    """
    steps = [step for layer in layers for step in _hull(layer)]
    return sorted(steps, key=lambda step: step.price)


def search(
    layers: Sequence[Layer], excess: Callable[[Chosen], float], *, gentlest: bool = False
) -> list[Tried]:
    """Return all candidates that were tried, best first.

    Best is what is within the budget and costs least; with ``gentlest`` (where the budget is one
    of cost alone), what is within it and took the fewest steps. When the first is beyond the
    budget, none is within, and it is the nearest.

    ``excess`` builds and measures a candidate, and says how far it is beyond the budget.
    """
    steps = path(layers)
    tried: dict[frozenset[tuple[str, str]], Tried] = {}

    def within(taken: Sequence[Step]) -> bool:
        chosen = _chosen(layers, taken)
        key = frozenset(chosen.items())
        if key not in tried:
            tried[key] = Tried(chosen, _cost(layers, chosen), excess(chosen))
        return tried[key].excess <= 0

    # Prefixes of the path up to ``near`` are on the side of the gentlest, from ``far`` on beyond.
    near, far = (-1 if gentlest else 0), len(steps)
    if within(steps) == gentlest:
        while far - near > 1:
            middle = (near + far) // 2
            if within(steps[:middle]) == gentlest:
                far = middle
            else:
                near = middle
        if not gentlest:
            _look_beyond(layers, steps[:near], steps[near + 1 :], within)
    return sorted(tried.values(), key=lambda each: _rank(each, gentlest=gentlest))


def _look_beyond(
    layers: Sequence[Layer],
    taken: Sequence[Step],
    rest: Sequence[Step],
    within: Callable[[Sequence[Step]], bool],
) -> None:
    """Try a few of the steps after the one that broke the budget."""
    if not within(taken):
        return
    for step in rest[:TRIES_BEYOND]:
        if _follows(step, taken, layers) and within([*taken, step]):
            taken = [*taken, step]


def _rank(tried: Tried, *, gentlest: bool) -> tuple[bool, float]:
    if tried.excess > 0:
        return True, tried.excess
    return False, -tried.cost if gentlest else tried.cost


def _hull(layer: Layer) -> list[Step]:
    """Return the steps between the choices of ``layer`` on the lower hull, from the gentlest."""
    at = layer.choices[0]
    steps: list[Step] = []
    while True:
        cheaper = [choice for choice in layer.choices if choice.cost < at.cost]
        if not cheaper:
            return steps
        there = at
        # The best bargain from here; of equal ones the one that goes furthest.
        best = min(cheaper, key=lambda c: ((c.harm - there.harm) / (there.cost - c.cost), c.cost))
        steps.append(Step(layer.name, best.level, at.cost - best.cost, best.harm - at.harm))
        at = best


def _chosen(layers: Sequence[Layer], taken: Sequence[Step]) -> Chosen:
    first = {layer.name: layer.choices[0].level for layer in layers}
    return first | {step.layer: step.level for step in taken}


def _cost(layers: Sequence[Layer], chosen: Chosen) -> float:
    return sum(
        choice.cost
        for layer in layers
        for choice in layer.choices
        if choice.level == chosen[layer.name]
    )


def _follows(step: Step, taken: Sequence[Step], layers: Sequence[Layer]) -> bool:
    """Return whether all earlier steps of the same layer are taken."""
    (layer,) = (each for each in layers if each.name == step.layer)
    earlier = _hull(layer)
    before = earlier[: [each.level for each in earlier].index(step.level)]
    return all(each in taken for each in before)
