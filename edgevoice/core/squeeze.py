"""How much memory to give back, in a stated order, before the system takes it."""

from __future__ import annotations

from math import inf

from edgevoice.core.device import Device
from edgevoice.core.plan_types import SMALLER
from edgevoice.core.plans import headroom_mb

REFAULTS_PER_S = 500.0
"""Pages of 4 KB that come back after they were dropped: 2 MB/s. An idle machine has none; weights
that do not fit their cgroup come back by the ten thousand."""

PRESSURE = 0.10
"""Share of the time in which some task waits for memory."""

LOW_SHARE = 0.5
"""Free memory under this part of the headroom is short, whatever the kernel still finds."""

TIGHTEN_EVERY_S = 4.0
"""A stage is given this time to show in the next sample."""

CALM_S = 60.0
LONGEST_CALM_S = 1920.0
"""Without need for so long, a stage is taken back; after twice as long each time that this was
wrong, up to the second."""

SHRINK = 0.8
"""The last stage leaves models this part of what they take; it may be repeated."""


class Squeeze:
    """The stage of giving back memory, as ``Limits`` takes it.

    Attributes:
        stage: 0 for none, up to ``SMALLER``; each has those before it.
        most_mb: what models may take at the last stage.
        why: what the last step was for, in words.

    """

    def __init__(self) -> None:
        self.stage = 0
        self.most_mb = inf
        self.why = ""
        self._stepped_at = -inf
        self._calm_since: float | None = None
        self._calm_s = CALM_S
        self._eased_at = -inf
        self._blind_until = -inf

    def expect_load(self, at: float, seconds: float = 15.0) -> None:
        """Judge by free memory alone for a while: a model is read in, and that looks like need."""
        self._blind_until = at + seconds

    def step(self, at: float, device: Device, need_mb: float) -> bool:
        """Take a sample at the time ``at``; return True when the stage, or the limit, changed.

        ``need_mb`` is what the models take that run.
        """
        why = need(device, blind=at < self._blind_until)
        if why:
            self._calm_since = None
            return self._tighten(at, why, need_mb)
        if self._calm_since is None or at < self._calm_since:
            self._calm_since = at
        return self.stage > 0 and at - self._calm_since >= self._calm_s and self._ease(at)

    def _tighten(self, at: float, why: str, need_mb: float) -> bool:
        if 0 <= at - self._stepped_at < TIGHTEN_EVERY_S:
            return False
        if at - self._eased_at < 2 * CALM_S:
            self._calm_s = min(2 * self._calm_s, LONGEST_CALM_S)
        elif at - self._eased_at > 8 * CALM_S:
            self._calm_s = CALM_S
        if self.stage == SMALLER - 1 or self.stage == SMALLER:
            self.most_mb = SHRINK * min(self.most_mb, need_mb)
        self.stage = min(self.stage + 1, SMALLER)
        self.why, self._stepped_at = why, at
        return True

    def _ease(self, at: float) -> bool:
        self.stage -= 1
        self.most_mb = inf
        self.why, self._eased_at, self._calm_since = "memory is free again", at, at
        return True


def need(device: Device, *, blind: bool = False) -> str:
    """Return in words what shows that memory is short, "" when nothing does."""
    if device.memory_free_mb is not None:
        short_mb = LOW_SHARE * headroom_mb(device)
        if device.memory_free_mb < short_mb:
            return f"{device.memory_free_mb:.0f} MB are free"
    if blind:
        return ""
    if (device.refaults_per_s or 0.0) > REFAULTS_PER_S:
        return f"{device.refaults_per_s:.0f} pages a second are read again"
    if (device.memory_pressure or 0.0) > PRESSURE:
        return f"tasks wait for memory {100 * (device.memory_pressure or 0.0):.0f} % of the time"
    return ""
