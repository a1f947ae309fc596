"""How fast the models are on this device, learned from the turns of the talk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgevoice.core.rung import Speed

LEARN = 0.4
"""Weight of the newest turn."""

LEAST = 0.05

_STEPS = 20
"""Changes less than 5 % are no reason to think again."""


class Pace:
    """The speeds of a device that is not held back, and how much of them it has at present.

    Only one pace for all models: what is learned from the small one while it serves in a hot
    hour holds for the large one too, which then is not tried too early, nor never.
    """

    def __init__(self, speeds: Mapping[str, Speed]) -> None:
        self._full = dict(speeds)
        self._pace = 1.0

    @property
    def speeds(self) -> dict[str, Speed]:
        """The speed of each bundle as it is to be expected now."""
        return {bundle: speed.times(self._pace) for bundle, speed in self._full.items()}

    @property
    def present(self) -> float:
        """The pace at present, 1 for all that the device has."""
        return self._pace

    @property
    def rough(self) -> tuple[int, int]:
        """Changes when there is something new to know."""
        return round(self._pace * _STEPS), len(self._full)

    def learn(self, measured: Mapping[str, Speed], share: float = 1.0) -> None:
        """Take the speeds of a turn.

        ``share`` is the part of the time for which a cgroup let the threads run: a plan reckons
        with it by itself.
        """
        paces = []
        for bundle, speed in measured.items():
            known = self._full.get(bundle)
            if known is None or known.assumed:
                self._full[bundle] = speed.times(1 / (self._pace * share))
            elif pace := _pace(known, speed):
                paces.append(pace / share)
        for pace in paces:
            self._pace += LEARN * (pace - self._pace) / len(paces)
        if self._pace > 1:
            self._full = {
                bundle: replace(speed.times(self._pace), assumed=speed.assumed)
                for bundle, speed in self._full.items()
            }
        self._pace = min(1.0, max(LEAST, self._pace))


def _pace(known: Speed, measured: Speed) -> float | None:
    if measured.write_tps and known.write_tps:
        return measured.write_tps / known.on(measured.threads).write_tps
    return known.rtf / measured.rtf if measured.rtf and known.rtf else None
