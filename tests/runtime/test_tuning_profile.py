"""The profile of a device: kept whole, and ignored in one line when it is no use."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgevoice.core.bundle import Bundle, ModelFile, Role
from edgevoice.core.rung import Speed
from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime.tuning import profile
from edgevoice.runtime.tuning.profile import Entry, Profile, ProfileUnusable, Timed
from edgevoice.runtime.tuning.tune import merged

BUNDLE = Bundle("talker", Role.LLM, "gguf", Path("/m"), (ModelFile("m.gguf", "ab", 5),), "", "")
ENTRY = Entry(
    role="llm",
    identity=profile.identity(BUNDLE),
    timed=(
        Timed(1, read_tps=100.0, write_tps=20.0, first_s=0.2),
        Timed(2, read_tps=190.0, write_tps=30.0, first_s=0.1),
    ),
    load_s=0.5,
    loaded_mb=150.0,
    working_mb=20.0,
)
MINE = Profile(profile.machine_name(), {"talker": ENTRY})


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return profile.write(MINE, tmp_path / "data" / "device.json")


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    table = json.loads(path.read_text())
    change(table)
    path.write_text(json.dumps(table))


def test_it_is_read_as_it_was_written(written: Path) -> None:
    assert profile.read(written) == MINE
    assert [each.name for each in written.parent.iterdir()] == ["device.json"]


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    assert profile.read(tmp_path / "none.json") == Profile(profile.machine_name())
    assert profile.measured([BUNDLE], tmp_path / "none.json") == ({}, "")


def test_it_lies_with_the_users_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert profile.place() == tmp_path / "edgevoice" / "device.json"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.update(version=0), "another version of edgevoice, and is ignored"),
        (lambda t: t.update(machine="An abacus, 10 cores"), "measured on An abacus, 10 cores, not"),
        (lambda t: t.pop("bundles"), "damaged"),
        (lambda t: t.update(bundles=[]), "damaged"),
        (lambda t: t["bundles"]["talker"].pop("timed"), "damaged"),
        (lambda t: t["bundles"]["talker"].update(timed=[]), "damaged"),
        (lambda t: t["bundles"]["talker"].update(more=1), "damaged"),
        (lambda t: t["bundles"]["talker"].update(loaded_mb="much"), "damaged"),
        (lambda t: t["bundles"]["talker"].update(loaded_mb=-900), "damaged"),
        (lambda t: t["bundles"]["talker"]["timed"][0].update(threads=0), "damaged"),
        (lambda t: t["bundles"]["talker"]["timed"][0].update(read_tps=-1), "damaged"),
        (lambda t: t["bundles"]["talker"]["timed"][0].update(write_tps=float("nan")), "damaged"),
        (lambda t: t["bundles"]["talker"]["timed"][1].update(write_tps=0.0), "damaged"),
    ],
)
def test_what_is_no_use_is_ignored_and_said_in_one_line(
    change: Callable[[dict[str, Any]], object], says: str, written: Path
) -> None:
    changed(written, change)
    with pytest.raises(ProfileUnusable, match=says):
        profile.read(written)
    found, problem = profile.measured([BUNDLE], written)
    assert found == {}
    assert problem.splitlines()[1:] == ["  Try: edgevoice tune"]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"version": 1}'])
def test_a_file_that_is_no_profile_is_ignored(data: bytes, written: Path) -> None:
    written.write_bytes(data)
    assert profile.measured([BUNDLE], written)[1].startswith(f"{written} is damaged")


def test_a_folder_in_its_place_is_ignored_and_cannot_be_written(tmp_path: Path) -> None:
    assert "is damaged" in profile.measured([BUNDLE], tmp_path)[1]
    with pytest.raises(EdgeVoiceError, match="could not be written"):
        profile.write(MINE, tmp_path)


@pytest.mark.parametrize(
    "other",
    [
        replace(BUNDLE, files=(ModelFile("m.gguf", "cd", 5),)),
        replace(BUNDLE, files=(*BUNDLE.files, ModelFile("n.gguf", "ef", 5))),
        replace(BUNDLE, options={"kv_type": "q8_0"}),
        replace(BUNDLE, name="another"),
    ],
    ids=["other weights", "one more file", "other options", "another name"],
)
def test_figures_of_other_files_are_not_used(other: Bundle, written: Path) -> None:
    assert profile.read(written).of([BUNDLE]) == {"talker": ENTRY}
    assert profile.read(written).of([other]) == {}


def test_a_plan_takes_what_was_measured_on_its_number_of_threads() -> None:
    speed = ENTRY.speed
    assert (speed.on(1).read_tps, speed.on(1).write_tps) == (100.0, 20.0)
    assert (speed.on(2).read_tps, speed.on(2).write_tps) == (190.0, 30.0)
    # For more it goes on from the nearest.
    assert speed.on(4) == Speed(190.0, 30.0, threads=2).on(4)
    halved = speed.times(0.5)
    assert (halved.on(1).write_tps, halved.on(2).write_tps) == (10.0, 15.0)


def test_earlier_figures_on_other_threads_stay() -> None:
    newer = replace(ENTRY, timed=(Timed(2, read_tps=200.0, write_tps=35.0),))
    assert [t.write_tps for t in merged(ENTRY, newer).timed] == [20.0, 35.0]
    assert merged(None, newer) == newer
    assert merged(replace(ENTRY, identity="older files"), newer) == newer
