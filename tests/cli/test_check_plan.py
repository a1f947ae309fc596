"""Doctor's word on the plan."""

from __future__ import annotations

from edgevoice.cli.checks.finding import Grade
from edgevoice.cli.checks.plan import check
from edgevoice.core.bundle import Role
from edgevoice.core.plan_types import Limits
from tests.core.rungs import RUNGS, SPEEDS, device


def test_all_is_well_where_the_best_runs() -> None:
    (finding,) = check(device(4000), RUNGS, SPEEDS, Limits())
    assert finding.grade is Grade.OK
    assert finding.said.startswith("sharp-ears, large, voice; a reply after ")


def test_a_guess_is_called_one() -> None:
    (finding,) = check(device(4000), RUNGS, {}, Limits(target_s=30.0))
    assert "by a guess" in finding.said


def test_what_keeps_from_the_best_is_told() -> None:
    *warnings, finding = check(device(900), RUNGS, SPEEDS, Limits())
    assert any("llm will be small (memory)" in each.said for each in warnings)
    assert finding.grade is Grade.OK


def test_what_fits_nowhere_is_a_problem() -> None:
    (finding,) = check(device(300), RUNGS, SPEEDS, Limits())
    assert finding.grade is Grade.PROBLEM
    assert "lack 57 MB" in finding.said


def test_missing_models_are_not_told_twice() -> None:
    assert list(check(device(4000), {Role.STT: RUNGS[Role.STT]}, SPEEDS, Limits())) == []
