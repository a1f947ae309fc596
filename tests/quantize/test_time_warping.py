"""The alignment of two sequences: against a plain table filled cell by cell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice_quantize.time_warping import cheapest_path


def sum_by_cells(cost: np.ndarray) -> float:
    sums = np.full(cost.shape, np.inf)
    for i in range(cost.shape[0]):
        for j in range(cost.shape[1]):
            before = [sums[i - 1, j - 1]] if i and j else []
            before += [sums[i - 1, j]] if i else []
            before += [sums[i, j - 1]] if j else []
            sums[i, j] = cost[i, j] + min(before, default=0.0)
    return float(sums[-1, -1])


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 1000))
def test_no_path_is_cheaper(rows: int, columns: int, seed: int) -> None:
    cost = np.random.default_rng(seed).random((rows, columns))
    path = cheapest_path(cost)
    assert cost[path[:, 0], path[:, 1]].sum() == pytest.approx(sum_by_cells(cost))


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 1000))
def test_the_path_goes_from_corner_to_corner_in_single_steps(
    rows: int, columns: int, seed: int
) -> None:
    path = cheapest_path(np.random.default_rng(seed).random((rows, columns)))
    assert tuple(path[0]) == (0, 0)
    assert tuple(path[-1]) == (rows - 1, columns - 1)
    steps = np.diff(path, axis=0)
    assert ((steps >= 0) & (steps <= 1)).all()
    assert (steps.sum(axis=1) > 0).all()


def test_what_is_the_same_lies_on_the_diagonal() -> None:
    frames = np.random.default_rng(0).random((50, 3))
    cost = np.abs(frames[:, None] - frames).sum(axis=2)
    assert (cheapest_path(cost) == np.arange(50)[:, None]).all()


def test_nothing_cannot_be_warped() -> None:
    with pytest.raises(ValueError, match="one side is empty"):
        cheapest_path(np.zeros((0, 4)))
