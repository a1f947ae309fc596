from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice_quantize.search import Choice, Chosen, Layer, path, search


def layer(name: str, *choices: tuple[str, float, float]) -> Layer:
    return Layer(name, tuple(Choice(*choice) for choice in choices))


ROBUST = layer("robust", ("float", 8, 0), ("int8", 2, 0.01), ("int4", 1, 0.02))
FRAIL = layer("frail", ("float", 8, 0), ("int8", 2, 0.02), ("int4", 1, 5.0))
LAYERS = [ROBUST, FRAIL]


class Model:
    """Measured as the sum of harms; counts how often it is built."""

    def __init__(self, layers: list[Layer], allowed: float) -> None:
        self.harm = {(each.name, c.level): c.harm for each in layers for c in each.choices}
        self.allowed = allowed
        self.built: list[Chosen] = []

    def excess(self, chosen: Chosen) -> float:
        self.built.append(chosen)
        return sum(self.harm[item] for item in chosen.items()) - self.allowed


def test_the_best_bargains_come_first() -> None:
    assert [(step.layer, step.level) for step in path(LAYERS)] == [
        ("robust", "int8"),
        ("frail", "int8"),
        ("robust", "int4"),
        ("frail", "int4"),
    ]


def test_a_level_that_is_worse_and_costs_more_is_never_given() -> None:
    odd = layer("odd", ("float", 8, 0), ("slow", 4, 1.0), ("good", 2, 0.1))
    assert [step.level for step in path([odd])] == ["good"]


def test_the_smallest_within_the_budget_is_found() -> None:
    best = search(LAYERS, Model(LAYERS, allowed=0.5).excess)[0]
    assert best.chosen == {"robust": "int4", "frail": "int8"}
    assert best.cost == 3
    assert best.excess <= 0


def test_a_mixed_model_beats_the_best_uniform_one() -> None:
    model = Model(LAYERS, allowed=0.5)
    uniform = [
        sum(c.cost for each in LAYERS for c in each.choices if c.level == level)
        for level in ("float", "int8", "int4")
        if model.excess({each.name: level for each in LAYERS}) <= 0
    ]
    assert search(LAYERS, model.excess)[0].cost < min(uniform)


def test_all_at_the_cheapest_is_tried_first() -> None:
    model = Model(LAYERS, allowed=100)
    assert len(search(LAYERS, model.excess)) == len(model.built) == 1


def test_a_budget_that_nothing_meets_shows_the_nearest() -> None:
    best = search(LAYERS, Model(LAYERS, allowed=-1).excess)[0]
    assert best.excess > 0
    assert best.chosen == {"robust": "float", "frail": "float"}


def test_a_budget_of_size_alone_takes_the_gentlest_that_fits() -> None:
    def too_big(chosen: Chosen) -> float:
        sizes = {(e.name, c.level): c.cost for e in LAYERS for c in e.choices}
        return sum(sizes[item] for item in chosen.items()) - 10

    best = search(LAYERS, too_big, gentlest=True)[0]
    assert best.chosen == {"robust": "int8", "frail": "float"}


def test_a_step_after_the_one_that_broke_the_budget_may_do_no_harm() -> None:
    layers = [layer(n, ("float", 4, 0), ("int8", 1, 0.1 * i)) for i, n in enumerate("abc", 1)]
    model = Model(layers, allowed=0.35)
    model.harm["b", "int8"] = 1.0  # worse than foreseen: b's step is second on the path
    model.harm["c", "int8"] = 0.1
    best = search(layers, model.excess)[0]
    assert best.chosen == {"a": "int8", "b": "float", "c": "int8"}


@given(
    st.lists(
        st.lists(st.tuples(st.floats(0.1, 10), st.floats(0, 10)), min_size=1, max_size=4),
        min_size=1,
        max_size=6,
    ),
    st.floats(0, 20),
)
def test_nothing_is_built_twice_and_the_best_is_within(
    table: list[list[tuple[float, float]]], allowed: float
) -> None:
    layers = [
        Layer(
            str(number),
            (Choice("0", 11.0, 0.0), *(Choice(str(i), *c) for i, c in enumerate(choices, 1))),
        )
        for number, choices in enumerate(table)
    ]
    model = Model(layers, allowed)
    best = search(layers, model.excess)[0]
    assert best.excess <= 0
    built = [frozenset(chosen.items()) for chosen in model.built]
    assert len(built) == len(set(built))
    steps = len(path(layers))
    assert len(built) <= 2 + steps.bit_length() + 3


@pytest.mark.parametrize("allowed", [0.0, 0.015, 0.035, 0.5, 6.0])
def test_more_is_never_allowed_for_nothing(allowed: float) -> None:
    costs = [search(LAYERS, Model(LAYERS, a).excess)[0].cost for a in (allowed, allowed + 1)]
    assert costs[1] <= costs[0]
