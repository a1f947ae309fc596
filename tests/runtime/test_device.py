"""The device as a value, read from folders that are laid out like devices."""

import math
from pathlib import Path

import pytest

from edgevoice.core.device import Battery, Device, Temperature, Throttling
from edgevoice.runtime.device.battery import from_termux
from edgevoice.runtime.device.sensors import Sensors
from edgevoice.runtime.device.temperature import MOST_SENSORS, celsius
from edgevoice.runtime.device.throttled import throttling
from tests.runtime.device_folder import (
    GROUP,
    PHONE,
    PHONE_PROGRAMS,
    PI5,
    PI5_PROGRAMS,
    POLICY,
    ZONE,
    lay_out,
    stat,
)


def test_a_raspberry_pi(tmp_path: Path) -> None:
    root = lay_out(tmp_path, PI5, PI5_PROGRAMS)
    with Sensors(root) as sensors:
        sensors.sample(0.0)
        later = {"proc/stat": stat(1300, 3100), "proc/vmstat": "workingset_refault_file 1510\n"}
        lay_out(root, later)
        device = sensors.sample(5.0, wait=True)
    assert device == Device(
        at=5.0,
        name="Raspberry Pi 5 Model B Rev 1.0",
        cores=4,
        core_mhz=(2400.0,) * 4,
        clock_limit=0.75,
        clock=0.625,
        busy_cores=3.0,
        memory_total_mb=8000.0,
        memory_free_mb=6000.0,
        refaults_per_s=200.0,
        memory_pressure=0.025,
        cpu_pressure=0.4,
        temperatures=(Temperature("cpu-thermal", 61.5, 80.0),),
        throttling=Throttling(
            frozenset({"under-voltage", "throttled"}), frozenset({"under-voltage", "throttled"})
        ),
    )
    assert device.throttled
    assert device.unknown == ("battery",)


def test_a_phone(tmp_path: Path) -> None:
    with Sensors(lay_out(tmp_path, PHONE, PHONE_PROGRAMS)) as sensors:
        sensors.hand_over(status=1, headroom=0.9)
        device = sensors.sample(0.0, wait=True)
    assert len(device.core_mhz) == 8
    assert device.battery == Battery(85, False, 3.28, 34.5)
    assert device.hottest == Temperature("headroom", 37.0, 40.0)
    assert not device.throttled
    assert "memory pressure" in device.unknown


def test_fast_cores_are_those_near_the_fastest() -> None:
    clocks = (1804.8,) * 4 + (2419.2,) * 3 + (2841.6,)
    assert Device(cores=8, core_mhz=clocks).fast_cores == 4
    assert Device(cores=2, core_mhz=clocks).fast_cores == 2
    assert Device(cores=4).fast_cores == 4
    assert Device(cores=8, core_mhz=clocks, cpu_share=1.5).granted_cores == 1.5


def test_the_sensor_nearest_to_its_trip_counts() -> None:
    cpu, battery = Temperature("cpu", 70.0, 95.0), Temperature("battery", 41.0, 45.0)
    assert Device(temperatures=(Temperature("gpu", 99.0), cpu, battery)).hottest == battery
    assert Device(temperatures=(Temperature("gpu", 99.0),)).hottest is None


def test_of_a_hundred_sensors_those_nearest_to_their_trips_are_watched(tmp_path: Path) -> None:
    files: dict[str, str] = {}
    for number in range(100):
        zone = f"sys/class/thermal/thermal_zone{number}/"
        degrees = 30 + number * 37 % 60
        files |= {zone + "type": f"cpu-{number}\n", zone + "temp": f"{degrees}000\n"}
        files |= {zone + "trip_point_0_type": "passive\n", zone + "trip_point_0_temp": "95000\n"}
    with Sensors(lay_out(tmp_path, files)) as sensors:
        temperatures = sensors.sample(0.0).temperatures
    assert len(temperatures) == MOST_SENSORS
    assert temperatures[0].celsius == 89.0


@pytest.mark.parametrize(
    ("files", "trip"),
    [
        ({}, 80.0),
        ({ZONE + "trip_point_2_type": "passive\n", ZONE + "trip_point_2_temp": "75000\n"}, 75.0),
        ({"proc/device-tree/model": "Some Board\0"}, 100.0),
        ({"proc/device-tree/model": "Some Board\0", ZONE + "type": "battery\n"}, 45.0),
        (
            {
                "proc/device-tree/model": "Some Board\0",
                ZONE + "trip_point_1_type": "hot\n",
                ZONE + "trip_point_1_temp": "95000\n",
            },
            95.0,
        ),
    ],
    ids=["a board that is known", "passive", "below critical", "a battery", "hot"],
)
def test_the_trip_point(tmp_path: Path, files: dict[str, str], trip: float) -> None:
    with Sensors(lay_out(tmp_path, {**PI5, **files})) as sensors:
        (temperature,) = sensors.sample(0.0).temperatures
    assert temperature.trip_c == trip


def test_a_laptop_s_monitors_are_read_where_there_are_no_zones(tmp_path: Path) -> None:
    monitor = "sys/class/hwmon/hwmon3/"
    files = {
        monitor + "name": "coretemp\n",
        monitor + "temp1_input": "47000\n",
        monitor + "temp1_crit": "100000\n",
        monitor + "temp1_max": "90000\n",
        "sys/class/hwmon/hwmon0/name": "nvme\n",
        "sys/class/hwmon/hwmon0/temp1_input": "70000\n",
    }
    with Sensors(lay_out(tmp_path, files)) as sensors:
        assert sensors.sample(0.0).temperatures == (Temperature("coretemp temp1", 47.0, 90.0),)


def test_the_group_s_own_figures_come_before_the_machine_s(tmp_path: Path) -> None:
    group = {
        GROUP + "memory.stat": "workingset_refault_file 100\n",
        GROUP + "memory.pressure": "some avg10=12.00 avg60=0 avg300=0 total=1\n",
        GROUP + "cpu.stat": "nr_periods 100\nnr_throttled 10\n",
        GROUP + "cpu.max": "150000 100000\n",
    }
    root = lay_out(tmp_path, {**PI5, **group})
    with Sensors(root) as sensors:
        sensors.sample(0.0)
        lay_out(
            root,
            {
                GROUP + "memory.stat": "workingset_refault_file 150\n",
                GROUP + "cpu.stat": "nr_periods 150\nnr_throttled 30\n",
            },
        )
        device = sensors.sample(5.0)
    assert device.refaults_per_s == 10.0
    assert device.memory_pressure == 0.12
    assert device.held_back == 0.4
    assert device.cpu_share == 1.5


def test_a_battery_in_sysfs(tmp_path: Path) -> None:
    supply = "sys/class/power_supply/"
    files = {
        supply + "AC/type": "Mains\n",
        supply + "hid/type": "Battery\n",
        supply + "hid/scope": "Device\n",
        supply + "hid/capacity": "3\n",
        supply + "BAT0/type": "Battery\n",
        supply + "BAT0/status": "Discharging\n",
        supply + "BAT0/capacity": "57\n",
        supply + "BAT0/current_now": "1500000\n",
        supply + "BAT0/voltage_now": "12000000\n",
        supply + "BAT0/temp": "315\n",
    }
    with Sensors(lay_out(tmp_path, files)) as sensors:
        battery = sensors.sample(0.0).battery
    assert battery == Battery(57, False, 18.0, 31.5)


@pytest.mark.parametrize(
    ("told", "now", "ever"),
    [
        ("throttled=0x0\n", "", ""),
        ("throttled=0x4", "throttled", ""),
        ("e0008", "soft limit", "capped,throttled,soft limit"),
        ("0x10001", "under-voltage", "under-voltage"),
    ],
)
def test_the_firmware_s_bits(told: str, now: str, ever: str) -> None:
    expected = Throttling(*(frozenset(filter(None, each.split(","))) for each in (now, ever)))
    assert throttling(told) == expected


def test_termux_tells_current_in_two_units() -> None:
    told = '{"voltage": 4000, "current": %s, "percentage": "50", "plugged": "PLUGGED_AC"}'
    for current in (-820000, 820):
        battery = from_termux(told % current)
        assert battery
        assert battery.charging
        assert battery.watts == pytest.approx(3.28)


@pytest.mark.parametrize(
    ("raw", "degrees"),
    [
        *(("48000\n", 48.0), ("48\n", 48.0), ("48.5", 48.5), ("-5000", -5.0)),
        *(("0", None), ("-273", None), ("-273150", None), ("999", None), ("999000", None)),
        *(("nan", None), ("inf", None), ("", None), ("hot", None), ("32768", 32.768)),
    ],
)
def test_what_a_sensor_says_in_degrees(raw: str, degrees: float | None) -> None:
    assert celsius(raw) == degrees


@pytest.mark.parametrize(("headroom", "degrees"), [(1.0, 40.0), (0.5, 25.0), (1.2, 46.0)])
def test_headroom_is_degrees_below_the_trip(
    tmp_path: Path, headroom: float, degrees: float
) -> None:
    with Sensors(tmp_path) as sensors:
        sensors.hand_over(headroom=headroom)
        sensors.hand_over(headroom=math.nan)
        sensors.hand_over(headroom=-1)
        hottest = sensors.sample(0.0).hottest
    assert hottest
    assert hottest.celsius == pytest.approx(degrees)


@pytest.mark.parametrize(("status", "throttled"), [(0, False), (1, False), (2, True), (6, True)])
def test_android_s_thermal_status(tmp_path: Path, status: int, throttled: bool) -> None:
    with Sensors(tmp_path) as sensors:
        sensors.hand_over(status=status)
        sensors.hand_over(headroom=0.3)
        assert sensors.sample(0.0).throttled is throttled
        sensors.hand_over(status=77)
        assert sensors.sample(5.0).thermal_status is None


def test_the_clock_s_limit_is_a_share_of_the_highest(tmp_path: Path) -> None:
    big = POLICY.replace("policy0", "policy4")
    files = {
        big + "related_cpus": "4 5\n",
        big + "cpuinfo_max_freq": "3000000\n",
        big + "scaling_max_freq": "1500000\n",
    }
    with Sensors(lay_out(tmp_path, {**PI5, **files})) as sensors:
        assert sensors.sample(0.0).clock_limit == pytest.approx((4 * 0.75 + 2 * 0.5) / 6)


def test_this_machine() -> None:
    with Sensors() as sensors:
        sensors.sample(0.0)
        device = sensors.sample(5.0)
    assert device.cores >= 1
    assert device.memory_free_mb
