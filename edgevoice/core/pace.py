"""How fast the models are on this device, learned from the turns of the talk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgevoice.core.rung import Speed

LEARN = 0.4
"""Weight of the newest turn."""

LEAST, MOST = 0.05, 4.0
"""A turn in which a model seems slower or faster than this says nothing of its speed."""

READ_FACTOR = 4.0
"""How much faster an LLM reads than it writes, where only the latter was measured (assumed)."""

SLOWEST_TPS, FASTEST_RTF = 0.05, 1e-4
"""What is taken for the speed of a model that was never measured."""

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
                if speed.write_tps > SLOWEST_TPS or speed.rtf > FASTEST_RTF:
                    read_tps = speed.read_tps or READ_FACTOR * speed.write_tps
                    whole = replace(speed, read_tps=read_tps)
                    self._full[bundle] = whole.times(1 / (self._pace * share))
            elif LEAST <= (pace := _pace(known, speed) / share) <= MOST:
                paces.append(pace)
        for pace in paces:
            self._pace += LEARN * (pace - self._pace) / len(paces)
        if self._pace > 1:
            self._full = {
                bundle: replace(speed.times(self._pace), assumed=speed.assumed)
                for bundle, speed in self._full.items()
            }
        self._pace = min(1.0, max(LEAST, self._pace))


def _pace(known: Speed, measured: Speed) -> float:
    """Return the pace at which ``measured`` was, 0 if it does not tell."""
    if measured.write_tps and known.write_tps:
        return measured.write_tps / known.on(measured.threads).write_tps
    return known.rtf / measured.rtf if measured.rtf and known.rtf else 0.0
