"""How warm the device gets: a small model, fitted to what it does.

The model is one heat capacity that loses heat to its surroundings (an RC circuit): under a
steady load the temperature moves towards ``rest + rise x load``, by 63 % of the way in ``tau``.
A real device has a quick part too, the die, and a sensor its noise: the model is fitted to means
over blocks of time, and what a turn's work adds on top is known as ``Fit.ripple_k``.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import exp, inf, log

BLOCK_SHARE = 0.2
"""Means over this part of the expected time constant are fitted: long enough for some turns of
talk, so that load and temperature follow each other, short enough for the model to be straight."""

NOISE_K = 0.5
"""Expected error of a mean, of the sensor and of the model."""

DRIFTS = (0.0, 0.02, 0.04)
"""How much the parameters, in parts of what is in doubt at first, may change from block to block:
the room warms, a fan or a hand changes the rise a little, the heat capacity stays (assumed)."""

SURPRISE = 4.0
"""An error of so many deviations is no noise: the device was carried elsewhere, or its fan began.
Then it is mostly the rest that is learned anew."""

TAU_S = (20.0, 1500.0)
RISE_K = (0.5, 60.0)
"""Limits of what a fit may find; a watch and a radiator are outside."""

RIPPLE_S = 60.0
"""What single readings add to the mean is looked for in so long: some turns."""

LONGEST_GAP_S = 30.0
"""After a gap in the samples, or a clock that jumped, the block begins anew."""

Matrix = list[list[float]]


@dataclass(frozen=True, slots=True)
class Thermal:
    """A device's heat.

    Attributes:
        rest_c: temperature in degrees C with no work.
        rise_k: what one busy core adds in the long run.
        tau_s: time constant.

    """

    rest_c: float
    rise_k: float
    tau_s: float

    def steady_c(self, load: float) -> float:
        """Return the temperature in the long run with ``load`` busy cores."""
        return self.rest_c + self.rise_k * load

    def after(self, celsius: float, load: float, seconds: float) -> float:
        """Return the temperature ``seconds`` after it was ``celsius``."""
        steady = self.steady_c(load)
        return steady + (celsius - steady) * exp(-max(0.0, seconds) / self.tau_s)

    def seconds_to(self, limit_c: float, celsius: float, load: float) -> float:
        """Return the time until ``limit_c`` is reached from ``celsius``; infinity for never."""
        steady = self.steady_c(load)
        if celsius >= limit_c:
            return 0.0
        if steady <= limit_c:
            return inf
        return self.tau_s * log((steady - celsius) / (steady - limit_c))

    def load_at(self, limit_c: float) -> float:
        """Return the load that keeps the temperature at ``limit_c``; 0 where none does."""
        return max(0.0, (limit_c - self.rest_c) / self.rise_k)


BOARD = Thermal(rest_c=50.0, rise_k=10.0, tau_s=150.0)
SHELL = Thermal(rest_c=33.0, rise_k=5.0, tau_s=400.0)
"""Believed before anything is measured: of a processor's own sensor, about a bare Raspberry Pi's,
and of one at a phone's skin or battery, which has the whole phone to warm (assumed)."""


class Fit:
    """Learns a device's ``Thermal`` from its temperature and load.

    Means of successive blocks obey ``T' = a T + b load + c``. The three are found by a Kalman
    filter, from a prior, which is taken to be at rest where it was met.
    """

    def __init__(self, prior: Thermal = BOARD) -> None:
        self._prior = prior
        self._block_s = BLOCK_SHARE * prior.tau_s
        self._origin_c = 0.0
        self._weights = [0.0, 0.0, 0.0]
        self._doubts = [0.0, 0.0, 0.0]
        self._spread: Matrix = []
        self._block: list[tuple[float, float]] = []
        self._since = 0.0
        self._last_at: float | None = None
        self._mean: tuple[float, float] | None = None
        self._recent: deque[tuple[float, float]] = deque()
        self.blocks = 0
        """Number of steps that were learned from."""

    def observe(self, at: float, celsius: float, load: float) -> None:
        """Take a sample: time in seconds, temperature, busy cores since the sample before."""
        if self._last_at is None:
            self._begin(celsius)
        if self._last_at is None or not 0 < at - self._last_at <= LONGEST_GAP_S:
            self._block, self._since, self._mean = [], at, None
            self._recent.clear()
        self._last_at = at
        self._block.append((celsius, load))
        self._recent.append((at, celsius))
        while at - self._recent[0][0] > RIPPLE_S:
            self._recent.popleft()
        if at - self._since >= self._block_s:
            self._close_block(at)

    @property
    def thermal(self) -> Thermal:
        """The model as it is known by now."""
        block_s = self._block_s
        a = min(max(self._weights[0], exp(-block_s / TAU_S[0])), exp(-block_s / TAU_S[1]))
        rise = min(max(self._weights[1] / (1 - a), RISE_K[0]), RISE_K[1])
        rest = self._origin_c + self._weights[2] / (1 - a)
        return Thermal(rest, rise, -block_s / log(a))

    @property
    def mean_c(self) -> float | None:
        """The temperature over the last samples, without their noise."""
        last = [celsius for celsius, _ in self._block[-4:]] or None
        if last is None:
            return self._mean[0] if self._mean else None
        return sum(last) / len(last)

    @property
    def ripple_k(self) -> float:
        """How far the highest tenth of the readings rises over the last minutes' trend."""
        if len(self._recent) < 4:
            return 0.0
        times = [at for at, _ in self._recent]
        degrees = [celsius for _, celsius in self._recent]
        middle, mean = sum(times) / len(times), sum(degrees) / len(degrees)
        spread = sum((at - middle) ** 2 for at in times)
        slope = sum((at - middle) * (c - mean) for at, c in self._recent) / (spread or 1.0)
        rises = sorted(c - mean - slope * (at - middle) for at, c in self._recent)
        return max(0.0, rises[int(0.9 * len(rises))])

    def _begin(self, celsius: float) -> None:
        a = exp(-BLOCK_SHARE)
        self._origin_c = celsius
        self._weights = [a, self._prior.rise_k * (1 - a), 0.0]
        # A quarter of the time constant, half of the rise, and 8 K of the rest are in doubt.
        self._doubts = [each * (1 - a) for each in (0.25, 0.5 * self._prior.rise_k, 8.0)]
        self._spread = [
            [self._doubts[i] ** 2 if i == j else 0.0 for j in range(3)] for i in range(3)
        ]

    def _close_block(self, at: float) -> None:
        celsius = sum(c for c, _ in self._block) / len(self._block)
        load = sum(each for _, each in self._block) / len(self._block)
        if self._mean is not None:
            before_c, before_load = self._mean
            self._learn([before_c - self._origin_c, (before_load + load) / 2, 1.0], celsius)
        self._mean = (celsius, load)
        self._block, self._since = [], at

    def _learn(self, inputs: list[float], celsius: float) -> None:
        expected = sum(w * x for w, x in zip(self._weights, inputs, strict=True))
        error = celsius - self._origin_c - expected
        along, certainty = self._along(inputs)
        if error**2 > SURPRISE**2 * certainty:
            self._spread[2][2] += error**2
            along, certainty = self._along(inputs)
        spread = self._spread
        for i in range(3):
            self._weights[i] += along[i] / certainty * error
        self._spread = [
            [spread[i][j] - along[i] * along[j] / certainty for j in range(3)] for i in range(3)
        ]
        for i, (doubt, drift) in enumerate(zip(self._doubts, DRIFTS, strict=True)):
            self._spread[i][i] += (drift * doubt) ** 2
        self.blocks += 1

    def _along(self, inputs: list[float]) -> tuple[list[float], float]:
        along = [sum(p * x for p, x in zip(row, inputs, strict=True)) for row in self._spread]
        return along, NOISE_K**2 + sum(x * p for x, p in zip(inputs, along, strict=True))
