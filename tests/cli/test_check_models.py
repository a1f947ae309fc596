"""Checks of the models, and of the memory and disk for them."""

from pathlib import Path

import pytest

from edgevoice.cli.checks import memory, models
from edgevoice.cli.checks.finding import Finding, Grade
from edgevoice.cli.checks.models import Sizes
from edgevoice.core.bundle import Bundle, ModelFile, Role
from edgevoice.errors import ModelDamaged, ModelMissing
from edgevoice.runtime.machine import Memory


@pytest.mark.parametrize(
    ("free_mb", "grade"), [(499, "problem"), (500, "warning"), (624, "warning"), (625, "ok")]
)
def test_memory(free_mb: float, grade: str) -> None:
    (found,) = memory.check(Memory(1000, free_mb), 500)
    assert found.grade == grade
    assert found.said.startswith(f"{free_mb} MB of 1000 MB free; the models take 500 MB")


def test_memory_of_a_cgroup_is_named_so() -> None:
    (found,) = memory.check(Memory(1000, 900, limited=True), 500)
    assert "within the limit of this cgroup" in found.said


def test_disk(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet"
    assert [finding.grade for finding in memory.check_disk(folder, 0.0)] == ["ok"]
    assert [finding.grade for finding in memory.check_disk(folder, 1e9)] == ["problem"]


def test_a_folder_for_reading_alone_matters_when_models_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert [finding.grade for finding in memory.check_disk(tmp_path, 0.0)] == ["warning"]
    assert [finding.grade for finding in memory.check_disk(tmp_path, 1.0)] == ["problem"]


def get(name: str, role: Role) -> Bundle:
    if name == "missing":
        raise ModelMissing(name)
    if name == "damaged":
        raise ModelDamaged("model.onnx of damaged is damaged: it is short.", hint="pull again")
    files = (ModelFile("model.onnx", "", 44_000_000),)
    return Bundle(name, role, "engine", Path(), files, "MIT", "", memory_mb=150.0)


def test_models() -> None:
    names = {Role.VAD: "whole", Role.STT: "missing", Role.LLM: "damaged"}
    checked = models.check(names, get, lambda name: Sizes(memory_mb=200.0, pull_mb=90.0))
    assert checked.findings == (
        Finding("model vad", Grade.OK, "whole, 44 MB"),
        Finding(
            "model stt", Grade.PROBLEM, "missing is not on this device.", "edgevoice pull missing"
        ),
        Finding(
            "model llm",
            Grade.PROBLEM,
            "model.onnx of damaged is damaged: it is short.",
            "pull again",
        ),
    )
    assert (checked.memory_mb, checked.pull_mb) == (150 + 200 + 200, 90)


def test_a_model_that_nobody_knows_takes_nothing() -> None:
    checked = models.check({Role.STT: "missing"}, get, lambda name: None)
    assert (checked.memory_mb, checked.pull_mb) == (0, 0)
