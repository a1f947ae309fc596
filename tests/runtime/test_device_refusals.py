"""Sensors that are missing, denied, frozen or absurd; that change units, vanish, or hang."""

import json
import os
import stat as mode
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgevoice.core.device import Device
from edgevoice.runtime.device.battery import from_sysfs, from_termux
from edgevoice.runtime.device.sensors import Sensors
from edgevoice.runtime.device.temperature import FROZEN_S
from edgevoice.runtime.device.throttled import throttling
from tests.runtime.device_folder import (
    PHONE_PROGRAMS,
    PI5,
    PI5_PROGRAMS,
    POLICY,
    ZONE,
    lay_out,
    stat,
)


def test_nothing_at_all(tmp_path: Path) -> None:
    with Sensors(tmp_path) as sensors:
        sensors.sample(0.0)
        device = sensors.sample(5.0, wait=True)
    assert device == Device(5.0, name=device.name, cores=device.cores, busy_cores=device.busy_cores)
    assert device.busy_cores is not None  # this process's own work
    assert set(device.unknown) >= {"memory free", "temperature", "battery", "throttling"}


DENIED = """
import json, sys
from pathlib import Path
from edgevoice.runtime.device.sensors import Sensors
with Sensors(Path(sys.argv[1])) as sensors:
    sensors.sample(0.0)
    device = sensors.sample(5.0, wait=True)
print(json.dumps([device.unknown, device.memory_free_mb]))
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_everything_denied(open_folder: Path) -> None:
    root = lay_out(open_folder, PI5, PI5_PROGRAMS | PHONE_PROGRAMS)
    kept = "proc/meminfo"
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_file() and str(path.relative_to(root)) != kept:
            path.chmod(0)
    for folder in ("sys/class/thermal", "sys/devices/system/cpu/cpufreq"):
        (root / folder).chmod(0)
    as_nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups".split()
    run = subprocess.run(
        [*(as_nobody if os.geteuid() == 0 else []), sys.executable, "-c", DENIED, str(root)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    for path in root.rglob("*"):
        path.chmod(path.stat().st_mode | mode.S_IRWXU)
    assert run.stderr == ""
    unknown, free_mb = json.loads(run.stdout)
    assert free_mb == 6000.0
    assert {"temperature", "throttling", "clock limit", "battery", "memory refaults"} <= {*unknown}


@pytest.mark.parametrize("raw", ["-273000\n", "0\n", "999\n", "nan\n", "", "\xff\xfe", "9" * 400])
def test_an_absurd_temperature_is_none(tmp_path: Path, raw: str) -> None:
    root = lay_out(tmp_path, PI5)
    with Sensors(root) as sensors:
        assert sensors.sample(0.0).temperatures
        lay_out(root, {ZONE + "temp": raw})
        assert sensors.sample(5.0).temperatures == ()
        lay_out(root, {ZONE + "temp": "62000\n"})
        assert sensors.sample(10.0).temperatures[0].celsius == 62.0


def test_a_sensor_that_changes_its_unit(tmp_path: Path) -> None:
    root = lay_out(tmp_path, PI5)
    with Sensors(root) as sensors:
        readings = []
        for at, raw in enumerate(["61500", "61", "61.9", "62500"]):
            lay_out(root, {ZONE + "temp": raw})
            readings.append(sensors.sample(5.0 * at).temperatures[0].celsius)
    assert readings == [61.5, 61.0, 61.9, 62.5]


def test_a_sensor_that_vanishes_and_comes_back_elsewhere(tmp_path: Path) -> None:
    root = lay_out(tmp_path, PI5)
    with Sensors(root) as sensors:
        assert sensors.sample(0.0).temperatures
        (root / ZONE).rename(root / "sys/class/thermal/away")
        assert sensors.sample(5.0).temperatures == ()
        (root / "sys/class/thermal/away").rename(root / "sys/class/thermal/thermal_zone7")
        assert sensors.sample(10.0).temperatures[0].celsius == 61.5


def frozen_for(root: Path, seconds: float, ticks: tuple[int, ...]) -> Device:
    """The last sample of a sensor that never moves; ``ticks`` of work by turns."""
    busy, idle = 0, 0
    with Sensors(root) as sensors:
        for step in range(round(seconds / 5) + 1):
            done = ticks[step % len(ticks)]
            busy, idle = busy + done, idle + 2000 - done
            lay_out(root, {"proc/stat": stat(busy, idle)})
            device = sensors.sample(5.0 * step)
    return device


def test_a_sensor_that_never_moves_under_changing_work_is_not_believed(tmp_path: Path) -> None:
    root = lay_out(tmp_path, PI5)
    assert frozen_for(root, FROZEN_S + 10, (100, 1800)).temperatures == ()
    assert frozen_for(root, FROZEN_S - 60, (100, 1800)).temperatures
    assert frozen_for(root, FROZEN_S + 10, (900, 910)).temperatures


@pytest.mark.parametrize("at", [5.0, -1000.0, 1e9, 0.0])
def test_rates_over_a_jump_of_the_clock_are_unknown(tmp_path: Path, at: float) -> None:
    root = lay_out(tmp_path, PI5)
    with Sensors(root) as sensors:
        sensors.sample(0.0)
        lay_out(root, {"proc/stat": stat(2000, 3000)})
        device = sensors.sample(at)
        assert (device.busy_cores is not None) is (at == 5.0)
        lay_out(root, {"proc/stat": stat(2200, 3200)})
        assert sensors.sample(at + 5.0).busy_cores == pytest.approx(2.0)


@pytest.mark.parametrize(
    "content", ["", "cpu\n", "cpu a b c d e\n", "cpu 1 2\n", "intr 5\n", stat(10, 10, cores=0)]
)
def test_work_that_cannot_be_read_is_this_process_s(tmp_path: Path, content: str) -> None:
    root = lay_out(tmp_path, {**PI5, "proc/stat": content})
    with Sensors(root) as sensors:
        sensors.sample(0.0)
        busy = sensors.sample(5.0).busy_cores
    assert busy is not None
    assert busy < 4


def test_counters_that_begin_anew_give_no_rate(tmp_path: Path) -> None:
    root = lay_out(tmp_path, PI5)
    with Sensors(root) as sensors:
        sensors.sample(0.0)
        lay_out(root, {"proc/stat": stat(1, 1), "proc/vmstat": "workingset_refault_file 1\n"})
        device = sensors.sample(5.0)
    assert device.busy_cores is None
    assert device.refaults_per_s is None


@pytest.mark.parametrize("khz", ["0", "-1", "fast", ""])
def test_a_clock_that_makes_no_sense(tmp_path: Path, khz: str) -> None:
    root = lay_out(tmp_path, {**PI5, POLICY + "cpuinfo_max_freq": khz})
    with Sensors(root) as sensors:
        device = sensors.sample(0.0)
    assert device.clock_limit is None
    assert device.fast_cores == 4


def test_a_program_that_hangs_keeps_nobody_waiting(tmp_path: Path) -> None:
    root = lay_out(tmp_path, PI5, {"vcgencmd": "exec sleep 600"})
    with Sensors(root) as sensors:
        assert sensors.sample(0.0).throttling is None
        assert sensors.sample(20.0).throttling is None  # given up
        lay_out(root, {}, PI5_PROGRAMS)
        assert sensors.sample(25.0, wait=True).throttling is not None


@pytest.mark.parametrize(
    "script", ["echo throttled=0x4; exit 3", "echo error=1", "kill -9 $$", "printf '\\377'"]
)
def test_a_program_that_fails(tmp_path: Path, script: str) -> None:
    programs = {"vcgencmd": script, "termux-battery-status": script}
    with Sensors(lay_out(tmp_path, PI5, programs)) as sensors:
        device = sensors.sample(0.0, wait=True)
    assert device.throttling is None
    assert device.battery is None


def test_a_program_that_is_no_program(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {**PI5, "bin/vcgencmd": "not a script"})
    with Sensors(root) as sensors:
        assert sensors.sample(0.0, wait=True).throttling is None


def test_a_battery_that_makes_no_sense(tmp_path: Path) -> None:
    supply = "sys/class/power_supply/BAT0/"
    files = {supply + "type": "Battery\n", supply + "capacity": "999\n", supply + "temp": "nan\n"}
    lay_out(tmp_path, files)
    battery = from_sysfs(tmp_path / "sys/class/power_supply")
    assert battery
    assert (battery.percent, battery.celsius, battery.watts) == (None, None, None)


@settings(max_examples=200)
@given(st.text(max_size=40))
def test_no_output_of_a_program_breaks_anything(told: str) -> None:
    throttling(told)
    from_termux(told)


@settings(max_examples=100)
@given(
    st.dictionaries(
        st.sampled_from(["present", "plugged", "temperature", "voltage", "current", "percentage"]),
        st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    )
)
def test_no_battery_status_breaks_anything(status: dict[str, object]) -> None:
    battery = from_termux(json.dumps(status))
    if battery and battery.percent is not None:
        assert 0 <= battery.percent <= 100


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(PI5)), st.text(max_size=30), max_size=6),
)
def test_no_file_s_content_breaks_anything(broken: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = lay_out(Path(folder), PI5)
        with Sensors(root) as sensors:
            sensors.sample(0.0)
            lay_out(root, broken)
            device = sensors.sample(5.0)
    assert device.memory_free_mb is None or device.memory_free_mb >= 0
