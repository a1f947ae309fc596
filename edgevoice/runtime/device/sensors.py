"""All that is known of the device, as one value."""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType

from edgevoice.core.device import Device, Temperature
from edgevoice.runtime import machine
from edgevoice.runtime.device.battery import BatteryGauge
from edgevoice.runtime.device.clocks import clocks
from edgevoice.runtime.device.counters import Counters
from edgevoice.runtime.device.temperature import Thermometers
from edgevoice.runtime.device.throttled import Firmware

PERIOD_S = 5.0
"""How often to sample: heat moves in minutes, and memory pressure is told for the last 10 s."""

HEADROOM_K = 30.0
SEVERE_C = 40.0
"""Android's thermal headroom is 1 at severe throttling, and 30 K below it 0 (its thermal manager
service, DEGREES_BETWEEN_ZERO_AND_ONE). It does not say which temperature: 40 stands for it."""


class Sensors:
    """Samples the device that lies under ``root``. Use it from one thread, with ``with``.

    Nothing raises: what is missing, denied or makes no sense is None in the sample. Programs
    (``vcgencmd``, ``termux-battery-status``) are not waited for, so what they tell comes with a
    later sample.
    """

    def __init__(self, root: Path = machine.HERE) -> None:
        self._root = root
        self._processor = machine.processor(root)
        self._counters = Counters(root)
        self._thermometers = Thermometers(root, self._processor.name)
        self._firmware = Firmware(root)
        self._gauge = BatteryGauge(root)
        self._status: int | None = None
        self._headroom: float | None = None

    def __enter__(self) -> Sensors:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End programs that are still running."""
        self._firmware.close()
        self._gauge.close()

    def hand_over(self, *, status: int | None = None, headroom: float = math.nan) -> None:
        """Take what only an Android app is told: its thermal status (0 to 6) and headroom.

        Out of range or NaN, which Android gives when asked too fast, counts as not told.
        """
        if status is not None:
            self._status = status if 0 <= status <= 6 else None
        if 0 <= headroom <= 3:
            self._headroom = headroom

    def sample(self, at: float, *, wait: bool = False) -> Device:
        """Return the device as it is at the time ``at`` in seconds.

        Rates are over the time since the sample before, so the first one has none. With
        ``wait`` programs are waited for, up to some seconds.
        """
        rates = self._counters.rates(at)
        memory = machine.memory(self._root)
        clock = clocks(self._root)
        return Device(
            at=at,
            name=self._processor.name,
            cores=self._processor.cores,
            core_mhz=clock.core_mhz,
            cpu_share=machine.share(self._root),
            clock_limit=clock.limit,
            clock=clock.present,
            busy_cores=rates.busy_cores,
            held_back=rates.held_back,
            memory_total_mb=memory.total_mb if memory else None,
            memory_free_mb=memory.free_mb if memory else None,
            refaults_per_s=rates.refaults_per_s,
            memory_pressure=self._counters.pressure("memory"),
            cpu_pressure=self._counters.pressure("cpu"),
            temperatures=(
                *self._thermometers.read(at, rates.busy_cores),
                *self._handed_over(),
            ),
            throttling=self._firmware.read(at, wait=wait),
            thermal_status=self._status,
            battery=self._gauge.read(at, wait=wait),
        )

    def _handed_over(self) -> tuple[Temperature, ...]:
        if self._headroom is None:
            return ()
        degrees = SEVERE_C + HEADROOM_K * (self._headroom - 1)
        return (Temperature("headroom", degrees, SEVERE_C),)
