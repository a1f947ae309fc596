"""``edgevoice plan``: what it says of devices in files, of laid-out ones, and of this one."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgevoice.cli import main
from edgevoice.errors import Misused
from edgevoice.runtime.device import file
from tests.runtime.device_folder import PI5, lay_out

DEVICES = sorted((Path(__file__).parents[2] / "bench/devices").glob("*.toml"))
PI5_FILE = next(path for path in DEVICES if path.stem == "pi5")


def planned(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    """The plan as JSON; fails when the verb does."""
    assert main(["plan", "--json", *options]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


@pytest.fixture
def no_models(tmp_path: Path) -> list[str]:
    return ["--models", str(tmp_path / "models")]


@pytest.mark.parametrize("path", DEVICES, ids=lambda path: path.stem)
def test_each_device_has_a_plan_that_keeps_the_target(
    path: Path, no_models: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = planned(capsys, "--device", str(path), *no_models)
    assert told["plan"]["lacks_mb"] == 0
    assert told["plan"]["latency_s"] <= 2.0
    assert sum(each["runs"] for each in told["bundles"]) == len(told["plan"]["bundles"])


def test_the_table_says_what_runs_and_what_limits_it(
    no_models: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--device", str(PI5_FILE), *no_models]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[0].startswith("Raspberry Pi 5, 8 GB, closed case: 4 cores, 7000 MB of 8000 MB")
    (heat,) = [line for line in lines if "qwen2.5-coder-1.5b" in line and "heat:" in line]
    assert "cores busy" in heat
    assert any(line.startswith("* llm   qwen2.5-0.5b") for line in lines)
    assert any(line.startswith("Runs (*): ") for line in lines)


def test_wishes_make_it_cooler(no_models: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    device = ["--device", str(PI5_FILE), *no_models]
    plain = planned(capsys, *device)["plan"]
    quiet = planned(capsys, *device, "--quiet")["plan"]
    capped = planned(capsys, *device, "--watts", "3")["plan"]
    late = planned(capsys, *device, "--target", "30")["plan"]
    assert quiet["busy_cores"] <= 0.55 * plain["levels"][0]
    assert capped["busy_cores"] <= (3 - 2.7) / 0.9 * 1.05
    assert late["levels"][0] > plain["levels"][0] * 0.99


def test_a_device_with_little_memory(
    tmp_path: Path, no_models: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    small = tmp_path / "small.toml"
    for free_mb, code in ((900, 0), (250, 1)):
        text = PI5_FILE.read_text().replace("memory_free_mb = 7000", f"memory_free_mb = {free_mb}")
        small.write_text(text.replace("memory_total_mb = 8000", "memory_total_mb = 1000"))
        assert main(["plan", "--device", str(small), *no_models]) == code
        said = capsys.readouterr().out
        assert ("Nothing fits" in said) is bool(code)
    assert "can be had" in said


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[body]", "[boddy]", "there is no section boddy"),
        ("room_c = 35", "rom_c = 35", "there is no key body.rom_c"),
        ("trip_c = 80", 'trip_c = "hot"', "throttling.trip_c must be a number"),
        ("trip_c = 80", "trip_c = -1", "throttling.trip_c must be a number from 0 on"),
        ("idle_w = 2.7", "", "the key body.idle_w is missing"),
        ('role = "vad"', 'role = "ears"', "role is 'ears'"),
        ("[device]", "[device", "is not TOML"),
        ("core_mhz = [2400, 2400, 2400, 2400]", "core_mhz = 2400", "core_mhz must be a list"),
        ("memory_mb = 560", "memory_mb = 0", "qwen2.5-0.5b.memory_mb is missing"),
        ('role = "tts"', 'role = "wake"', "no bundle of the role tts"),
    ],
)
def test_a_device_file_that_is_wrong(
    tmp_path: Path,
    no_models: list[str],
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    message: str,
) -> None:
    text = PI5_FILE.read_text()
    assert old in text
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace(old, new))
    assert main(["plan", "--device", str(path), *no_models]) == 2
    assert message in capsys.readouterr().err


def test_the_nearest_key_is_suggested(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(PI5_FILE.read_text().replace("room_c", "rom_c"))
    with pytest.raises(Misused) as caught:
        file.read(path)
    assert caught.value.hint == "room_c"


def test_a_device_file_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--device", str(tmp_path / "none.toml")]) == 2
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize("path", DEVICES, ids=lambda path: path.stem)
def test_each_figure_of_a_device_has_its_source(path: Path) -> None:
    texts = ("name", "role", "sensor")
    for line in path.read_text().splitlines():
        if " = " in line and not line.startswith(("#", *texts)):
            figure, _, source = line.partition("#")
            assert source.strip(), figure


def test_this_device_without_models(
    no_models: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *no_models]) == 1
    assert "edgevoice pull" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--target", "0"], ["--watts", "-1"]])
def test_wishes_that_cannot_be(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--device", str(PI5_FILE), *option]) == 2
    assert "must be greater than 0" in capsys.readouterr().err


@pytest.mark.models
def test_a_device_laid_out_in_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = planned(capsys, "--root", str(lay_out(tmp_path, PI5)))
    assert told["device"]["name"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert told["plan"]["bundles"]["llm"] == "smollm2-135m"
    assert told["plan"]["threads"]["llm"] == 3
    assert all(each["assumed"] for each in told["bundles"] if each["role"] == "llm")


@pytest.mark.models
def test_a_context_too_long_is_shortened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tight = {"proc/meminfo": "MemTotal: 976562 kB\nMemAvailable: 625000 kB\n"}  # 1 GB, 640 MB
    root = lay_out(tmp_path, {**PI5, **tight})
    told = planned(capsys, "--root", str(root), "--set", "llm.context=8192")
    assert told["plan"]["context_tokens"] < 8192
    assert any(reason["about"] == "context" for reason in told["plan"]["why"])
