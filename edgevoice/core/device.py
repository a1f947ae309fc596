"""The device as a value: what it has, and how it is just now."""

from __future__ import annotations

from dataclasses import dataclass

MODERATE = 2
"""Android's thermal status from which on its makers call the device throttled (0 none, 6 off)."""

FAST = 0.75
"""Cores count as fast from this share of the fastest core's clock: on phones of four, three and
one core at 1.8, 2.4 and 2.8 GHz these are the last four."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """A sensor's reading. ``trip_c`` is where the device begins to throttle, None if not told."""

    sensor: str
    celsius: float
    trip_c: float | None = None


@dataclass(frozen=True, slots=True)
class Battery:
    """The battery: its charge, whether it is being charged, what it gives (or takes) in watts."""

    percent: float | None = None
    charging: bool = False
    watts: float | None = None
    celsius: float | None = None


@dataclass(frozen=True, slots=True)
class Throttling:
    """What holds the processor back, as the system says; empty sets where nothing does.

    ``now`` and ``ever`` (since boot) hold "under-voltage", "capped", "throttled", "soft limit".
    """

    now: frozenset[str] = frozenset()
    ever: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Device:
    """One sample. None stands for what this device does not tell.

    Attributes:
        at: time in seconds on the clock of whoever sampled.
        cores: that this process may use.
        core_mhz: highest clock of each core of the machine.
        cpu_share: cores' worth of time that a cgroup grants.
        clock_limit: the clock that the system allows at present, as a share of the highest.
        clock: the clock at present, likewise; low on an idle device, which means nothing.
        busy_cores: cores' worth of work since the sample before, by all processes.
        held_back: share of the cgroup's periods since then in which its quota ran out.
        memory_total_mb: of the device or of the tightest cgroup, in MB (1e6 bytes).
        memory_free_mb: that this process may still take.
        refaults_per_s: pages read again soon after they were dropped: the first sign of
            memory running out, long before an allocation fails.
        memory_pressure: share of the last 10 s in which some task waited for memory.
        cpu_pressure: share of the last 10 s in which some task waited for a core.
        temperatures: of all sensors that give a sane reading.
        throttling: what holds the processor back.
        thermal_status: Android's, 0 to 6.
        battery: the battery.

    """

    at: float = 0.0
    name: str = ""
    cores: int = 1
    core_mhz: tuple[float, ...] = ()
    cpu_share: float | None = None
    clock_limit: float | None = None
    clock: float | None = None
    busy_cores: float | None = None
    held_back: float | None = None
    memory_total_mb: float | None = None
    memory_free_mb: float | None = None
    refaults_per_s: float | None = None
    memory_pressure: float | None = None
    cpu_pressure: float | None = None
    temperatures: tuple[Temperature, ...] = ()
    throttling: Throttling | None = None
    thermal_status: int | None = None
    battery: Battery | None = None

    @property
    def fast_cores(self) -> int:
        """Cores worth giving to a model; on most machines all of them."""
        fastest = max(self.core_mhz, default=0.0)
        fast = sum(mhz >= FAST * fastest for mhz in self.core_mhz)
        return min(self.cores, fast) if fastest else self.cores

    @property
    def granted_cores(self) -> float:
        """Cores' worth of time there is for models: the fast ones, within the cgroup's share."""
        return min(self.fast_cores, self.cpu_share or self.fast_cores)

    @property
    def hottest(self) -> Temperature | None:
        """The sensor nearest to its trip point, None where no sensor with one can be read."""
        with_trip = [each for each in self.temperatures if each.trip_c is not None]
        return max(with_trip, key=lambda each: each.celsius - (each.trip_c or 0), default=None)

    @property
    def throttled(self) -> bool:
        """Whether the system slows the processor down at present because of heat or power."""
        slowed = self.throttling is not None and bool(
            self.throttling.now & {"throttled", "capped", "soft limit"}
        )
        return slowed or (self.thermal_status or 0) >= MODERATE

    @property
    def unknown(self) -> tuple[str, ...]:
        """What this device does not tell, in words."""
        told = {
            "memory free": self.memory_free_mb,
            "memory refaults": self.refaults_per_s,
            "memory pressure": self.memory_pressure,
            "processor pressure": self.cpu_pressure,
            "processor load": self.busy_cores,
            "highest clock": self.core_mhz or None,
            "clock limit": self.clock_limit,
            "temperature": self.temperatures or self.thermal_status,
            "trip point": self.hottest,
            "throttling": self.throttling or self.thermal_status,
            "battery": self.battery,
        }
        return tuple(what for what, value in told.items() if value is None or value == ())
