"""Draws a device's hour: temperature, level and latency over time, for each policy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from bench.simulate.talk import Outcome
from edgevoice.runtime.device.file import DeviceFile

COLOURS = {"none": "#b2182b", "at_trip": "#ef8a62", "governed": "#1b7837", "oracle": "#7570b3"}


def draw(told: DeviceFile, outcomes: Mapping[str, Outcome], path: Path) -> None:
    """Write the picture to ``path``."""
    figure, (heat, level, latency) = plt.subplots(3, 1, sharex=True, figsize=(10, 8))
    for name, outcome in outcomes.items():
        minutes = [at / 60 for at, *_ in outcome.course]
        colour = COLOURS[name]
        heat.plot(minutes, [c for _, c, _, _ in outcome.course], color=colour, label=name, lw=1)
        levels = [each for _, _, each, _ in outcome.course]
        level.step(minutes, levels, color=colour, where="post", lw=1)
        spoken = [at / 60 for at, _ in outcome.latencies]
        latency.plot(spoken, [wait for _, wait in outcome.latencies], ".", color=colour, ms=3)
    if told.firmware:
        heat.axhline(told.firmware.trip_c, color="black", ls=":", lw=1)
    heat.set_ylabel("temperature, °C")
    heat.legend(ncols=len(outcomes), loc="lower right", frameon=False)
    heat.set_title(f"An hour of talk (simulated): {told.machine.name}", loc="left")
    level.set_ylabel("level of the plan")
    level.invert_yaxis()
    latency.set_ylabel("wait for the reply, s")
    latency.set_ylim(bottom=0)
    latency.set_xlabel("minutes")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
