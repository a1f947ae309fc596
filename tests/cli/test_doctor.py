"""The verb `edgevoice doctor`: one report of all checks, whatever is missing."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgevoice.cli import doctor
from edgevoice.cli.checks import packages
from edgevoice.cli.checks.finding import Finding, Grade
from edgevoice.cli.checks.packages import Loaded
from edgevoice.core.settings import Settings, describe
from edgevoice.errors import Misused

ALL_LOAD = {module: Loaded() for module in packages.MODULES}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from any edgevoice.toml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def options(tmp_path: Path, *overrides: str, config: Path | None = None) -> argparse.Namespace:
    return argparse.Namespace(
        models=tmp_path / "models", config=config, set=list(overrides), every_byte=False
    )


def examined(options: argparse.Namespace, root: Path) -> dict[str, Finding]:
    return {
        finding.area: finding
        for finding in doctor.examine(options, root, {}, load=lambda: ALL_LOAD)
    }


def test_an_empty_machine_is_told_what_to_type(tmp_path: Path) -> None:
    found = examined(options(tmp_path), tmp_path)
    assert found["packages"].grade is Grade.OK
    stt = Settings().stt.bundle
    assert found["model stt"] == Finding(
        "model stt", Grade.PROBLEM, f"{stt} is not on this device.", f"edgevoice pull {stt}"
    )
    assert found["memory"].said == "This system does not tell how much is free."
    assert found["disk"].grade is Grade.OK


def test_memory_is_held_against_what_the_models_would_take(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    meminfo = "MemTotal: 1000000 kB\nMemAvailable: 100000 kB\n"
    (tmp_path / "proc/meminfo").write_text(meminfo)
    found = examined(options(tmp_path), tmp_path)["memory"]
    assert found.grade is Grade.PROBLEM
    assert found.said.startswith("102 MB of 1024 MB free; the models take ")


def test_wrong_settings_are_a_finding_and_the_rest_is_checked(tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text("[llm]\ncontxt = 1\n")
    found = examined(options(tmp_path, config=config), tmp_path)
    assert found["settings"] == Finding(
        "settings",
        Grade.PROBLEM,
        f"{config}, line 2: there is no setting llm.contxt.",
        "llm.context",
    )
    assert "model stt" in found


def test_a_server_takes_the_place_of_a_language_model(tmp_path: Path) -> None:
    found = examined(options(tmp_path, "llm.url=http://127.0.0.1:1/v1"), tmp_path)
    assert "model llm" not in found
    assert found["llm server"].grade is Grade.PROBLEM


def test_a_check_that_fails_is_one_more_finding(tmp_path: Path) -> None:
    def load() -> dict[str, Loaded]:
        raise RuntimeError("no such luck")

    first = next(iter(doctor.examine(options(tmp_path), tmp_path, {}, load)))
    assert first == Finding(
        "packages", Grade.PROBLEM, "This could not be checked: RuntimeError: no such luck."
    )


def test_every_missing_package_at_once_does_not_stop_it(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        f"for name in {[*packages.MODULES, 'sounddevice']}: sys.modules[name] = None\n"
        "from edgevoice.cli import main\n"
        f"sys.exit(main(['doctor', '--json', '--models', {str(tmp_path)!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert json.loads(done.stdout)["ready"] is False


@pytest.mark.models
def test_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    status = doctor.main(["--json"])
    report = json.loads(capsys.readouterr().out)
    problems = [finding for finding in report["findings"] if finding["grade"] == "problem"]
    assert (status, report["ready"], problems) == (0, True, [])
    areas = [finding["area"] for finding in report["findings"]]
    assert {"python", "packages", "processor", "llama.cpp", "model llm", "memory"} <= set(areas)
    assert {"disk", "sound", "microphone"} <= set(areas)


@pytest.mark.models
def test_every_byte_of_the_models_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main(["--every-byte"]) == 0
    assert "Ready" in capsys.readouterr().out


def test_the_settings_are_printed_as_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main(["--settings"]) == 0
    assert capsys.readouterr().out == describe(Settings())
    with pytest.raises(Misused):
        doctor.main(["--settings", "--set", "llm.contxt=1"])


def test_the_report_is_for_reading(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = [
        Finding("packages", Grade.OK, "numpy 2.4.6, " * 8),
        Finding("sound", Grade.OK, "1 devices", details=("  0 USB\x1b[2J",)),
        Finding("microphone", Grade.WARNING, "There is none.", "plug one in"),
        Finding("loudspeaker", Grade.OK, "0 USB"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda options: iter(findings))
    monkeypatch.setenv("COLUMNS", "80")
    assert doctor.main([]) == 0
    assert capsys.readouterr().out == (
        "ok       packages       numpy 2.4.6, numpy 2.4.6, numpy 2.4.6, numpy 2.4.6,\n"
        "                        numpy 2.4.6, numpy 2.4.6, numpy 2.4.6, numpy 2.4.6,\n"
        "ok       sound          1 devices\n"
        "                        0 USB [2J\n"
        "warning  microphone     There is none.\n"
        "                        Try: plug one in\n"
        "ok       loudspeaker    0 USB\n"
        "\n"
        "Ready without microphone: edgevoice talk --input question.wav, or edgevoice talk --text\n"
    )


def test_a_problem_makes_the_exit_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = [Finding("memory", Grade.PROBLEM, "1 MB free.", "close other programs")]
    monkeypatch.setattr(doctor, "examine", lambda options: iter(findings))
    assert doctor.main([]) == 1
    assert capsys.readouterr().out.endswith("\nNot ready: 1 problem.\n")
    assert doctor.main(["--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "ready": False,
        "findings": [
            {
                "area": "memory",
                "grade": "problem",
                "said": "1 MB free.",
                "hint": "close other programs",
                "details": [],
            }
        ],
    }
