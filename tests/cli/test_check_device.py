"""What doctor says of heat, power and battery."""

from dataclasses import replace

import pytest

from edgevoice.cli.checks.device import check
from edgevoice.cli.checks.finding import Grade
from edgevoice.core.device import Battery, Device, Temperature, Throttling

COOL = Device(
    core_mhz=(2400.0,),
    clock_limit=1.0,
    busy_cores=0.1,
    memory_free_mb=1.0,
    refaults_per_s=0.0,
    memory_pressure=0.0,
    cpu_pressure=0.0,
    temperatures=(Temperature("cpu-thermal", 50.0, 80.0),),
    throttling=Throttling(),
    battery=Battery(80.0),
)


def test_all_is_well() -> None:
    (finding,) = check(COOL)
    assert finding.grade is Grade.OK
    assert finding.said == "50 °C of 80 °C (cpu-thermal), battery at 80 %"


def test_what_a_device_does_not_tell_is_named() -> None:
    (finding,) = check(Device())
    assert finding.grade is Grade.OK
    assert finding.said.startswith("nothing of heat, power or pressure; it does not tell: memory")
    assert "temperature" in finding.said


@pytest.mark.parametrize(
    ("device", "area", "said"),
    [
        (
            replace(COOL, temperatures=(Temperature("cpu", 71.0, 80.0),)),
            "heat",
            "cpu is at 71 °C; at 80 °C the processor is slowed down.",
        ),
        (
            replace(COOL, throttling=Throttling(frozenset({"throttled"}))),
            "heat",
            "The system slows the processor down already.",
        ),
        (
            replace(COOL, throttling=Throttling(ever=frozenset({"under-voltage"}))),
            "power",
            "The voltage was too low since it was switched on.",
        ),
        (
            replace(COOL, battery=Battery(12.0)),
            "battery",
            "It is at 12 %: less will be done ahead.",
        ),
    ],
)
def test_what_matters_for_a_long_talk(device: Device, area: str, said: str) -> None:
    first, _ = check(device)
    assert (first.area, first.grade, first.said) == (area, Grade.WARNING, said)


def test_a_battery_that_is_charged_may_be_low() -> None:
    assert len(check(replace(COOL, battery=Battery(3.0, charging=True)))) == 1
