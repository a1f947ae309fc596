from __future__ import annotations

import pytest

from edgevoice_quantize.report import front


@pytest.mark.parametrize(
    ("points", "kept"),
    [
        ([], []),
        ([(1, 1)], [0]),
        ([(2, 1), (1, 2)], [1, 0]),
        ([(1, 1), (2, 2), (3, 0)], [0, 2]),
        ([(1, 1), (1, 1)], [0]),
        ([(1, 2), (1, 1)], [1]),
        ([(3, 1), (2, 1), (1, 1)], [2]),
    ],
)
def test_the_front_holds_what_nothing_beats(
    points: list[tuple[float, float]], kept: list[int]
) -> None:
    assert front(points) == kept
