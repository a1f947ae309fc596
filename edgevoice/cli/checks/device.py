"""Heat, power and battery: what the device tells of them, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator

from edgevoice.cli.checks.finding import Finding, ok, warning
from edgevoice.core.device import Device

NEAR_TRIP_K = 10.0
"""A device that is so near to its trip before a talk will soon be there."""

LOW_BATTERY = 20.0


def check(device: Device) -> list[Finding]:
    """Return what matters for a long talk; that something is not told is no fault."""
    found = list(_findings(device))
    said = ", ".join(_told(device)) or "nothing of heat, power or pressure"
    if device.unknown:
        said += f"; it does not tell: {', '.join(device.unknown)}"
    return [*found, ok("device", said)]


def _findings(device: Device) -> Iterator[Finding]:
    hottest, throttling, battery = device.hottest, device.throttling, device.battery
    if device.throttled:
        yield warning(
            "heat",
            "The system slows the processor down already.",
            "a fan, or a place where air gets to it",
        )
    elif hottest and hottest.trip_c and hottest.celsius > hottest.trip_c - NEAR_TRIP_K:
        said = f"{hottest.sensor} is at {hottest.celsius:.0f} °C; at {hottest.trip_c:.0f} °C"
        yield warning(
            "heat",
            f"{said} the processor is slowed down.",
            "a fan, or a place where air gets to it",
        )
    if throttling and "under-voltage" in throttling.now | throttling.ever:
        when = "now" if "under-voltage" in throttling.now else "since it was switched on"
        yield warning(
            "power", f"The voltage was too low {when}.", "the power supply made for this board"
        )
    percent = battery.percent if battery and not battery.charging else None
    if percent is not None and percent < LOW_BATTERY:
        yield warning("battery", f"It is at {percent:.0f} %: less will be done ahead.")


def _told(device: Device) -> Iterator[str]:
    if hottest := device.hottest:
        yield f"{hottest.celsius:.0f} °C of {hottest.trip_c:.0f} °C ({hottest.sensor})"
    if device.clock_limit is not None and device.clock_limit < 1:
        yield f"the clock limited to {100 * device.clock_limit:.0f} %"
    if device.battery and device.battery.percent is not None:
        yield f"battery at {device.battery.percent:.0f} %"
