"""``edgevoice quantize`` as it is typed: help, one line for what is wrong, status and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgevoice import cli
from edgevoice.runtime.bundles import manifest
from edgevoice_quantize import quantize as quantizing
from edgevoice_quantize import recipe
from tests.quantize.test_quantize import BOTH, ONE, fake, source

__all__ = ["fake", "source"]  # fixtures


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    status = cli.main(["quantize", *map(str, arguments)])
    return status, capsys.readouterr().err


def told(err: str) -> list[str]:
    """The error's line and its hint, without the lines of progress."""
    lines = err.strip().splitlines()
    (at,) = (n for n, line in enumerate(lines) if line.startswith("edgevoice quantize:"))
    return lines[at:]


def test_help_names_every_recipe_and_gives_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["quantize", "--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in recipe.built_in())
    assert "wer+0.5" in text
    assert "edgevoice talk --set stt.bundle=" in text


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["absent", "--output", "out"], "There is nothing at absent."),
        ([".", "--output", "out"], "has not the files of a model."),
        ([".", "--output", "out", "--recipe", "int9"], "There is no recipe int9."),
        ([".", "--output", "out", "--recipe", "no.toml"], "There is no recipe no.toml."),
        ([".", "--output", "taken"], "taken is there already and is no bundle."),
    ],
)
def test_what_is_wrong_is_one_line_and_a_hint(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letter.txt").write_text("")
    status, err = run(capsys, *arguments)
    assert status in {1, 2}
    assert line in told(err)[0]
    assert len(told(err)) <= 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]


@pytest.mark.parametrize("budget", ["wer", "werr+1", "kl<=0.1"])
def test_a_budget_that_cannot_be_is_refused(
    tmp_path: Path, source: Any, fake: Any, capsys: pytest.CaptureFixture[str], budget: str
) -> None:
    arguments = ("--output", tmp_path / "out", "--work", tmp_path / "work", "--budget", budget)
    status, err = run(capsys, source.folder, *arguments)
    assert status == 2
    assert len(told(err)) == 2


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantizing, "recipes_for", lambda source: [BOTH, ONE])


@pytest.mark.usefixtures("recipes")
def test_the_best_is_written_with_a_report(
    tmp_path: Path, source: Any, fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report"
    arguments = ("--output", tmp_path / "out", "--work", tmp_path / "work", "--report", report)
    status, err = run(capsys, source.folder, *arguments)
    assert status == 0, err
    assert manifest.read(tmp_path / "out").name == "out"
    assert f"edgevoice talk --set stt.bundle={tmp_path / 'out'}" in err
    text = (report / "report.md").read_text()
    assert "| **encoder** |" in text
    assert "worse: wer 0.071" in text
    assert json.loads((report / "report.json").read_text())["best"]["name"] == "encoder"
    assert (report / "report.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("recipes")
def test_a_model_that_is_worse_is_not_written_but_reported(
    tmp_path: Path, source: Any, fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report"
    arguments = ("--output", tmp_path / "out", "--work", tmp_path / "work", "--report", report)
    status, err = run(capsys, source.folder, *arguments, "--budget", "wer<=1")
    assert status == 1
    assert "The nearest is" in told(err)[0]
    assert not (tmp_path / "out").exists()
    assert (report / "report.md").is_file()


@pytest.mark.usefixtures("recipes")
def test_ctrl_c_says_that_the_same_command_goes_on(
    tmp_path: Path, source: Any, fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--output", tmp_path / "out", "--work", tmp_path / "work")
    fake.stop_after = 2
    status, err = run(capsys, source.folder, *arguments)
    assert status == 130
    assert "the same command goes on where it was" in err
    fake.stop_after = 10
    assert run(capsys, source.folder, *arguments)[0] == 0
    assert len(fake.measured) == len(set(fake.measured))
