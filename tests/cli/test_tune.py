"""``edgevoice tune``: what it measures of real models, keeps, and says when it cannot."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgevoice.cli import main
from edgevoice.core.bundle import Bundle, ModelFile, Role
from edgevoice.runtime.bundles import manifest
from edgevoice.runtime.tuning import profile
from edgevoice.runtime.tuning.profile import Entry, Profile, Timed
from tests.runtime.device_folder import PI5, lay_out

Bundles = Callable[[str], Bundle]


def linked(bundle: Bundle, models: Path) -> None:
    """Put ``bundle`` into another store, its files where they are."""
    folder = models / bundle.name
    folder.mkdir(parents=True)
    for file in (manifest.MANIFEST, *(each.name for each in bundle.files)):
        (folder / file).symlink_to(bundle.path(file))


def broken(name: str, role: Role, engine: str, models: Path) -> None:
    """Put a bundle there whose file is no model."""
    folder = models / name
    folder.mkdir(parents=True)
    (folder / "m.gguf").write_bytes(b"no model")
    files = (ModelFile("m.gguf", "", 8),)
    manifest.write(Bundle(name, role, engine, folder, files, "", "", memory_mb=1.0))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def tuned(models: Path, *options: str) -> tuple[int, Path]:
    kept = models.parent / "device.json"
    return main(["tune", "--models", str(models), "--profile", str(kept), *options]), kept


@pytest.mark.models
def test_it_measures_each_role_and_the_plan_reckons_with_it(
    models: Path, bundle: Bundles, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"llm": "smollm2-135m", "stt": "moonshine-tiny-en", "tts": "hibari-heart"}
    for name in (*names.values(), "silero-vad", "smart-turn-v3"):
        linked(bundle(name), models)
    status, kept = tuned(models, "--threads", "1", "--json")
    told = json.loads(capsys.readouterr().out)
    assert status == 0
    assert set(told["bundles"]) == set(names.values())
    entries = profile.read(kept).entries
    for role, name in names.items():
        (timed,) = entries[name].timed
        assert (entries[name].role, timed.threads) == (role, 1)
        assert entries[name].memory_mb > 5
        assert timed.first_s > 0
        assert (timed.rtf > 0) == (role != "llm")
        assert (timed.read_tps > timed.write_tps > 0) == (role == "llm")

    plan = ["plan", "--models", str(models), "--json"]
    assert main([*plan, "--profile", str(kept)]) == 0
    with_profile = rungs(capsys.readouterr().out)
    assert main([*plan, "--profile", str(models / "none")]) == 0
    without = rungs(capsys.readouterr().out)
    assert all(each["assumed"] for each in without.values())
    assert not any(with_profile[name]["assumed"] for name in names.values())
    memory_mb = entries["hibari-heart"].memory_mb
    assert with_profile["hibari-heart"]["need_mb"] == pytest.approx(memory_mb, abs=0.06)


def rungs(said: str) -> dict[str, Any]:
    return {each["bundle"]: each for each in json.loads(said)["bundles"]}


@pytest.mark.models
def test_a_damaged_profile_is_said_once_and_the_plan_goes_on(
    models: Path, bundle: Bundles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "device.json").write_text("{")
    assert main(["plan", "--profile", str(tmp_path / "device.json")]) == 0
    said = capsys.readouterr()
    assert said.err == (
        f"edgevoice plan: {tmp_path}/device.json is damaged (JSONDecodeError), and is ignored.\n"
        "  Try: edgevoice tune\n"
    )
    assert "not measured on this device" in said.out


@pytest.mark.models
def test_a_profile_says_nothing_of_a_device_laid_out_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = profile.write(Profile(profile.machine_name()), tmp_path / "device.json")
    root = lay_out(tmp_path / "pi", PI5)
    assert main(["plan", "--profile", str(kept), "--root", str(root)]) == 0
    assert f"measured on {profile.machine_name()}, not here" in capsys.readouterr().err


def test_what_cannot_be_measured_is_said_and_the_rest_stays(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken("hollow", Role.LLM, "gguf", models)
    broken("deaf", Role.STT, "moonshine", models)
    entry = Entry("tts", "of old", (Timed(1, rtf=0.1),))
    profile.write(Profile(profile.machine_name(), {"voice": entry}), models.parent / "device.json")
    status, kept = tuned(models)
    said = capsys.readouterr().err
    assert status == 1
    assert "edgevoice tune: hollow: m.gguf: this is not a GGUF file." in said
    assert "edgevoice tune: deaf: There is no voice on this device" in said
    assert profile.read(kept).entries == {"voice": entry}


def test_a_profile_of_another_machine_is_replaced(models: Path) -> None:
    broken("hollow", Role.LLM, "gguf", models)
    kept = profile.write(Profile("An abacus", {}), models.parent / "device.json")
    assert tuned(models)[0] == 1
    assert json.loads(kept.read_text())["machine"] == "An abacus"  # until something is measured


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["nobody"], "nobody is not on this device"),
        (["--threads", "0"], "--threads must be 1 or more"),
        (["--role", "tts"], "no bundle to measure"),
    ],
)
def test_what_is_misused_is_said_before(
    options: list[str], says: str, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken("hollow", Role.LLM, "gguf", models)
    status, kept = tuned(models, *options)
    assert status == 2
    assert says in capsys.readouterr().err
    assert not kept.exists()
