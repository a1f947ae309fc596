from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.errors import EdgeVoiceError
from edgevoice_quantize.held_out import FEWEST, Calibration, HeldOut, Item, split


def items(count: int) -> list[Item]:
    return [Item(f"clip {number}", f"words {number}") for number in range(count)]


def test_no_item_is_in_both_parts_and_none_is_lost() -> None:
    calibration, held_out = split(items(255))
    names = [item.name for part in (calibration, held_out) for item in part.items]
    assert sorted(names) == sorted(item.name for item in items(255))
    assert len(held_out.items) >= 100


@given(st.text(), st.text())
def test_an_item_can_be_in_one_part_only(name: str, text: str) -> None:
    item = Item(name, text)
    right, wrong = (Calibration, HeldOut) if item.for_calibration else (HeldOut, Calibration)
    assert right((item,)).items == (item,)
    with pytest.raises(ValueError, match="the other part"):
        wrong((item,))


def test_the_part_of_an_item_does_not_depend_on_the_others() -> None:
    few, many = split(items(50)), split(items(500))
    assert set(few[0].items) <= set(many[0].items)
    assert set(few[1].items) <= set(many[1].items)


@pytest.mark.parametrize("count", [0, 1, FEWEST])
def test_too_few_items_are_refused_in_one_line(count: int) -> None:
    with pytest.raises(EdgeVoiceError) as refused:
        split(items(count))
    assert f"Of {count} items" in refused.value.problem
    assert "--data" in refused.value.hint
    assert "\n" not in refused.value.problem


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(EdgeVoiceError, match="same name"):
        split([*items(100), Item("clip 3", "other words")])


def test_a_changed_text_changes_the_fingerprint() -> None:
    (first, *others) = [item for item in items(100) if item.for_calibration]
    before = Calibration((first, *others)).fingerprint()
    assert before == Calibration((first, *others)).fingerprint()
    assert before != Calibration((Item(first.name, "else"), *others)).fingerprint()
