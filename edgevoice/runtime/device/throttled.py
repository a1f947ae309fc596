"""What holds a Raspberry Pi back, as its firmware says."""

from __future__ import annotations

from pathlib import Path

from edgevoice.core.device import Throttling
from edgevoice.runtime.device.command import Command
from edgevoice.runtime.machine import text

BITS = ("under-voltage", "capped", "throttled", "soft limit")
"""Bits 0 to 3 of ``vcgencmd get_throttled``, of now; 16 to 19 are the same since boot."""

EVER = 16

FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"
"""The same number as a file, on kernels that have it."""

EVERY_S = 5.0


class Firmware:
    """Asks the firmware under ``root``."""

    def __init__(self, root: Path) -> None:
        self._file = root / FIRMWARE
        self._command = Command("vcgencmd", "get_throttled", root=root, every_s=EVERY_S)

    def read(self, at: float, *, wait: bool = False) -> Throttling | None:
        """Return what holds the processor back, None where no firmware tells."""
        told = text(self._file).strip()
        if told:
            return throttling(told)
        return throttling(self._command.latest(at, wait=wait) or "")

    def close(self) -> None:
        """End what is still running."""
        self._command.close()


def throttling(told: str) -> Throttling | None:
    """Return what "throttled=0x50005", or the number alone, means; None for anything else."""
    try:
        bits = int(told.strip().removeprefix("throttled="), 16)
    except ValueError:
        return None
    return Throttling(_set(bits), _set(bits >> EVER))


def _set(bits: int) -> frozenset[str]:
    return frozenset(name for index, name in enumerate(BITS) if bits >> index & 1)
