import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.backends.gguf_reuse import MIN_MOVED, Reuse, common_prefix, plan_reuse

SYSTEM = list(range(100, 110))
OLD = list(range(200, 260))
NEW = list(range(300, 360))
QUESTION = list(range(400, 420))


@pytest.mark.parametrize(
    ("cached", "wanted", "reuse"),
    [
        ([], SYSTEM, Reuse(0)),
        (SYSTEM, SYSTEM, Reuse(10)),
        (SYSTEM, SYSTEM + NEW, Reuse(10)),
        (SYSTEM + NEW, SYSTEM, Reuse(10)),
        (SYSTEM + OLD, SYSTEM + QUESTION, Reuse(10)),
        (SYSTEM + OLD + NEW, SYSTEM + NEW + QUESTION, Reuse(10, hole=60, moved=60)),
        (SYSTEM + OLD + NEW + [1, 2], SYSTEM + NEW + QUESTION, Reuse(10, hole=60, moved=60)),
        (OLD + NEW, NEW, Reuse(0, hole=60, moved=60)),
        (SYSTEM + OLD + QUESTION, SYSTEM + QUESTION, Reuse(10)),
        (SYSTEM + QUESTION + NEW[:40] + OLD + NEW, SYSTEM + NEW, Reuse(10, hole=120, moved=60)),
    ],
    ids=[
        "nothing is cached",
        "all is cached",
        "the cache is a beginning",
        "the cache has more than is wanted",
        "the end differs",
        "the oldest turn was dropped",
        "the oldest turn was dropped and the newest is unfinished",
        "the very beginning was dropped",
        "a match too short to move",
        "the longer of two matches is moved",
    ],
)
def test_plan(cached: list[int], wanted: list[int], reuse: Reuse) -> None:
    assert plan_reuse(cached, wanted) == reuse


def test_nothing_is_moved_where_the_model_cannot() -> None:
    assert plan_reuse(SYSTEM + OLD + NEW, SYSTEM + NEW, can_move=False) == Reuse(10)


tokens = st.lists(st.integers(0, 2), max_size=120)


@given(cached=tokens, wanted=tokens)
def test_what_stays_is_a_beginning_of_what_is_wanted(cached: list[int], wanted: list[int]) -> None:
    reuse = plan_reuse(cached, wanted)
    behind = reuse.kept + reuse.hole
    left = cached[: reuse.kept] + cached[behind : behind + reuse.moved]
    assert left == wanted[: reuse.total]
    assert len(left) == reuse.total >= common_prefix(cached, wanted)
    assert reuse.moved == 0 or (reuse.moved >= MIN_MOVED and reuse.hole > 0)


@given(start=tokens, dropped=tokens, rest=tokens, more=tokens)
def test_dropping_turns_costs_less_than_is_worth_moving(
    start: list[int], dropped: list[int], rest: list[int], more: list[int]
) -> None:
    reuse = plan_reuse(start + dropped + rest, start + rest + more)
    assert reuse.total > len(start + rest) - MIN_MOVED


@given(a=tokens, b=tokens)
def test_common_prefix(a: list[int], b: list[int]) -> None:
    length = common_prefix(a, b)
    assert a[:length] == b[:length]
    assert length in {len(a), len(b)} or a[length] != b[length]
