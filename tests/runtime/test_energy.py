"""Energy: by which meter, and how much."""

from pathlib import Path

import pytest

from edgevoice.core.device import Battery, Device
from edgevoice.runtime.energy import PMIC_SHARE, PMIC_W, EnergyMeter, rails_watts
from tests.runtime.device_folder import PI5_PROGRAMS, lay_out

RAPL = "sys/class/powercap/intel-rapl:0/"


def spend_cpu() -> int:
    """Some work, so that processor time passes."""
    return sum(i * i for i in range(400_000))


def test_without_a_meter_it_is_modelled_from_processor_time(tmp_path: Path) -> None:
    meter = EnergyMeter(tmp_path, "Raspberry Pi 4 Model B Rev 1.4")
    mark = meter.mark()
    meter.sample(Device(at=0.0))
    while meter.since(mark).cpu_s < 0.02:
        spend_cpu()
    spent = meter.since(mark)
    assert spent.source == "modelled"
    assert spent.joules == pytest.approx(0.9 * spent.cpu_s)


def test_a_processor_s_own_counter_that_begins_anew(tmp_path: Path) -> None:
    counters = {RAPL + "max_energy_range_uj": "10000000\n"}
    root = lay_out(tmp_path, {**counters, RAPL + "energy_uj": "8000000\n"})
    lay_out(root, {"sys/class/powercap/intel-rapl:0:0/energy_uj": "5\n"})
    meter = EnergyMeter(root, "")
    meter.sample(Device(at=0.0))
    mark = meter.mark()
    for at, counted in ((5.0, 9_500_000), (10.0, 500_000)):
        lay_out(root, {RAPL + "energy_uj": f"{counted}\n"})
        meter.sample(Device(at=at))
    spent = meter.since(mark)
    assert spent.source == "rapl"
    assert spent.joules == pytest.approx(2.5)


def test_a_counter_that_is_denied_is_no_meter(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {RAPL + "energy_uj": ""})
    meter = EnergyMeter(root, "")
    meter.sample(Device(at=0.0))
    assert meter.since(meter.mark()).source == "modelled"


def test_the_battery_s_power_over_time(tmp_path: Path) -> None:
    meter = EnergyMeter(tmp_path, "")
    meter.sample(Device(at=0.0, battery=Battery(80, watts=2.0)))
    mark = meter.mark()
    meter.sample(Device(at=5.0, battery=Battery(80, watts=4.0)))
    meter.sample(Device(at=10.0, battery=Battery(80, watts=4.0)))
    assert meter.since(mark).joules == pytest.approx(15.0 + 20.0)
    meter.sample(Device(at=500.0, battery=Battery(80, watts=4.0)))  # it slept
    assert meter.since(mark).joules == pytest.approx(35.0)
    assert meter.since(mark).source == "battery"


def test_a_battery_that_is_charged_tells_nothing_of_the_work(tmp_path: Path) -> None:
    meter = EnergyMeter(tmp_path, "")
    for at in (0.0, 5.0):
        meter.sample(Device(at=at, battery=Battery(80, charging=True, watts=9.0)))
    assert meter.since(meter.mark()).source == "modelled"


def test_a_raspberry_pi_5_s_rails(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {}, PI5_PROGRAMS)
    meter = EnergyMeter(root, "Raspberry Pi 5 Model B Rev 1.0")
    for sample in range(200):  # the program's answer comes with a later sample
        meter.sample(Device(at=0.05 * sample))
        if meter.source == "pmic":
            break
        spend_cpu()
    assert meter.source == "pmic"
    mark = meter.mark()
    meter.sample(Device(at=0.05 * sample + 2.0))
    assert meter.since(mark).joules == pytest.approx(2.0 * (PMIC_SHARE * 3.0 + PMIC_W))
    meter.close()


@pytest.mark.parametrize(
    ("told", "watts"),
    [
        ("", None),
        ("error=1", None),
        ("VDD_CORE_A=1.0A\nVDD_CORE_V=2.0V\n", PMIC_SHARE * 2 + PMIC_W),
        ("  A_A current(0)=1.5A\n  A_V volt(1)=2V\n  B_V volt(2)=5V\n", PMIC_SHARE * 3 + PMIC_W),
    ],
)
def test_what_the_rails_say(told: str, watts: float | None) -> None:
    assert rails_watts(told) == (pytest.approx(watts) if watts else None)


def test_a_meter_that_goes_meanwhile(tmp_path: Path) -> None:
    meter = EnergyMeter(tmp_path, "")
    meter.sample(Device(at=0.0, battery=Battery(80, watts=2.0)))
    meter.sample(Device(at=5.0, battery=Battery(80, watts=2.0)))
    mark = meter.mark()
    meter.sample(Device(at=10.0))
    assert meter.since(mark).source == "modelled"
