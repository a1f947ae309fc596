"""Checks of the packages, and of the processor that they are built for."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from edgevoice.cli.checks import packages, processor
from edgevoice.cli.checks.child import Answer
from edgevoice.cli.checks.finding import Finding, Grade
from edgevoice.cli.checks.packages import Loaded
from edgevoice.runtime.machine import Processor


def test_all_packages_that_the_project_depends_on_are_checked() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    needed = tomllib.loads(text)["project"]["dependencies"]
    checked = {*packages.MODULES.values(), "sounddevice"}
    assert {each.split(">")[0].split("=")[0] for each in needed} == checked


def test_a_module_that_crashes_hides_none_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "crashing.py").write_text("import os; os.abort()")
    (tmp_path / "failing.py").write_text("raise OSError('libgomp.so.1: cannot open')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert packages.load(["math", "crashing", "failing", "absent", "json"]) == {
        "math": Loaded(),
        "crashing": Loaded("crash: Aborted"),
        "failing": Loaded("OSError: libgomp.so.1: cannot open"),
        "absent": Loaded("ModuleNotFoundError: No module named 'absent'"),
        "json": Loaded(),
    }


def test_nothing_is_asked_again_after_a_crash_of_the_last() -> None:
    asked: list[Sequence[str]] = []

    def ask(modules: Sequence[str]) -> Answer:
        asked.append(modules)
        return Answer((), "crash: Illegal instruction")

    assert packages.load(["llama_cpp"], ask) == {"llama_cpp": Loaded("crash: Illegal instruction")}
    assert asked == [["llama_cpp"]]


def test_packages_that_do_not_load_are_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packages.MODULES, "absent", "absent-package")
    found = packages.check(
        {
            "numpy": Loaded(),
            "absent": Loaded("ModuleNotFoundError: No module named 'absent'"),
            "llama_cpp": Loaded("crash: Illegal instruction"),
        }
    )
    assert [finding.grade for finding in found] == [Grade.OK, Grade.PROBLEM, Grade.PROBLEM]
    assert found[1].said == "absent-package is not installed."
    assert found[1].hint == "pip install absent-package"
    assert found[2].said == "llama-cpp-python does not load: crash: Illegal instruction."
    assert "--no-binary llama-cpp-python" in found[2].hint


LAPTOP = frozenset({"avx", "avx2", "fma", "f16c"})
PI4, PI5 = frozenset({"asimd"}), frozenset({"asimd", "asimddp"})
BUILT_FOR_AVX2 = "CPU : SSE3 = 1 | AVX = 1 | AVX2 = 1 | F16C = 1 | FMA = 1 | LLAMAFILE = 1 | "


def grades(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(finding.area, finding.grade) for finding in findings]


@pytest.mark.parametrize(
    ("machine", "system", "expected"),
    [
        (
            Processor("laptop", 2, None, LAPTOP),
            BUILT_FOR_AVX2,
            [("processor", "ok"), ("llama.cpp", "ok")],
        ),
        (
            Processor("laptop", 2, None, LAPTOP),
            BUILT_FOR_AVX2 + "AVX512 = 1 | ",
            [("processor", "ok"), ("llama.cpp", "problem")],
        ),
        (
            Processor("laptop", 2, None, LAPTOP),
            "CPU : SSE3 = 1 | AVX = 1 | AVX2 = 0 | ",
            [("processor", "ok"), ("llama.cpp", "warning")],
        ),
        (
            Processor("old laptop", 2, None, frozenset({"avx"})),
            "CPU : SSE3 = 1 | AVX = 1 | ",
            [("processor", "ok"), ("processor", "warning"), ("llama.cpp", "ok")],
        ),
        (
            Processor("Pi 5", 4, None, PI5),
            "CPU : NEON = 1 | DOTPROD = 1 | ",
            [("processor", "ok"), ("llama.cpp", "ok")],
        ),
        (
            Processor("Pi 5", 4, None, PI5),
            "CPU : NEON = 1 | ",
            [("processor", "ok"), ("llama.cpp", "warning")],
        ),
        (
            Processor("Pi 4", 4, None, PI4),
            "CPU : NEON = 1 | DOTPROD = 1 | ",
            [("processor", "ok"), ("processor", "warning"), ("llama.cpp", "problem")],
        ),
        (Processor("laptop", 2, None, LAPTOP), "", [("processor", "ok")]),
        (Processor("unknown", 2), BUILT_FOR_AVX2, [("processor", "ok")]),
        (
            Processor("small box", 1, None, LAPTOP),
            "",
            [("processor", "ok"), ("processor", "warning")],
        ),
        (
            Processor("box", 8, 1.5, LAPTOP),
            "",
            [("processor", "ok"), ("processor", "warning")],
        ),
    ],
    ids=[
        "built for it",
        "built for a better one: crashes",
        "built for a lesser one: slow",
        "an old one",
        "a Pi 5",
        "a Pi 5 with a portable build",
        "a Pi 4 with the build of a Pi 5",
        "no llama.cpp",
        "no /proc",
        "one core",
        "a share of many cores",
    ],
)
def test_the_processor(machine: Processor, system: str, expected: list[tuple[str, str]]) -> None:
    assert grades(processor.check(machine, system)) == expected
