"""Ladders and devices that the tests of plans share. Memory in round numbers."""

from __future__ import annotations

from edgevoice.core.bundle import Role
from edgevoice.core.device import Device, Temperature
from edgevoice.core.rung import Need, Rung, Speed

LARGE = Rung(
    "large",
    Role.LLM,
    (Need(1300, 2048, "f16"), Need(1250, 2048, "q8_0"), Need(1200, 1024, "q8_0")),
    weights_mb=1100,
)
SMALL = Rung(
    "small",
    Role.LLM,
    (
        Need(240, 2048, "f16", mapped_mb=140),
        Need(220, 2048, "q8_0", mapped_mb=140),
        Need(200, 1024, "q8_0", mapped_mb=140),
    ),
    weights_mb=140,
)
SHARP = Rung("sharp-ears", Role.STT, (Need(300),))
PLAIN = Rung("plain-ears", Role.STT, (Need(150),))
VOICE = Rung("voice", Role.TTS, (Need(120),))
TURN = Rung("turn", Role.TURN, (Need(60),))
VAD = Rung("vad", Role.VAD, (Need(20),))

RUNGS = {
    Role.VAD: [VAD],
    Role.TURN: [TURN],
    Role.STT: [SHARP, PLAIN],
    Role.LLM: [LARGE, SMALL],
    Role.TTS: [VOICE],
}

SPEEDS = {
    "large": Speed(read_tps=60, write_tps=14, threads=4),
    "small": Speed(read_tps=400, write_tps=80, threads=4),
    "sharp-ears": Speed(rtf=0.1),
    "plain-ears": Speed(rtf=0.05),
    "voice": Speed(rtf=0.08),
}


def device(
    free_mb: float | None = 4000,
    cores: int = 4,
    *,
    at: float = 0.0,
    share: float | None = None,
    celsius: float | None = None,
    load: float | None = None,
) -> Device:
    """A device with 4 GB, or what is free if that is more."""
    sensor = (Temperature("cpu", celsius, 80.0),) if celsius is not None else ()
    return Device(
        at=at,
        cores=cores,
        cpu_share=share,
        memory_total_mb=max(4000, free_mb or 0) if free_mb is not None else None,
        memory_free_mb=free_mb,
        temperatures=sensor,
        busy_cores=load,
    )
