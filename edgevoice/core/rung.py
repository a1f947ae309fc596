"""A rung: one bundle on the ladder of its role, what it needs, and how fast it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgevoice.core.bundle import Role

READ_PARALLEL = 0.95
WRITE_PARALLEL = 0.85
"""Share of the LLM's work that more threads make shorter, reading a prompt and writing a reply.
Writing waits for memory: SmolLM2 135M in Q8_0 wrote 33 and 59 tokens/s on one and two threads."""


@dataclass(frozen=True, slots=True)
class Need:
    """Memory in MB that a bundle takes, for an LLM with what context and type of its cache.

    ``mapped_mb`` of it are weights that the system may drop, and reads again when they are used.
    """

    mb: float
    context_tokens: int = 0
    kv_type: str = ""
    mapped_mb: float = 0.0


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a bundle is on this device.

    Attributes:
        read_tps: tokens a second that an LLM reads of a prompt.
        write_tps: tokens a second that it writes.
        rtf: seconds of work for each second of audio, of STT and TTS.
        threads: with which this was measured.
        assumed: it was not measured on this device.
        others: what was measured with other numbers of threads, if anything was.

    """

    read_tps: float = 0.0
    write_tps: float = 0.0
    rtf: float = 0.0
    threads: int = 1
    assumed: bool = False
    others: tuple[Speed, ...] = ()

    def on(self, threads: int) -> Speed:
        """Return the speed to expect on ``threads``, by what was measured with the nearest."""
        known = min((self, *self.others), key=lambda each: abs(each.threads - threads))
        return replace(
            known,
            read_tps=known.read_tps * _gain(READ_PARALLEL, known.threads, threads),
            write_tps=known.write_tps * _gain(WRITE_PARALLEL, known.threads, threads),
            threads=threads,
            others=(),
        )

    def times(self, pace: float) -> Speed:
        """Return the speed of a device that is ``pace`` times as fast."""
        return replace(
            self,
            read_tps=self.read_tps * pace,
            write_tps=self.write_tps * pace,
            rtf=self.rtf / pace,
            others=tuple(each.times(pace) for each in self.others),
        )


Speeds = Mapping[str, Speed]
"""By name of the bundle; those not in it were never measured on this device."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A bundle that may serve its role.

    Attributes:
        bundle: its name.
        role: what it does.
        needs: the ways it can be loaded, from the best to the smallest; at least one.
        weights_mb: its weights, all of which an LLM reads for each token.

    """

    bundle: str
    role: Role
    needs: tuple[Need, ...]
    weights_mb: float = 0.0

    @property
    def least_mb(self) -> float:
        """The memory that it takes at least."""
        return min(need.mb for need in self.needs)


Rungs = Mapping[Role, Sequence[Rung]]
"""The ladder of each role, from the best bundle to the smallest."""

GUESS = Speed(read_tps=40.0, write_tps=9.0, threads=4, assumed=True)
GUESS_MB = 1117.0
"""An LLM of which nothing is known counts as fast as one of these weights is on a Raspberry Pi 5,
whose memory gives 10 GB/s to decoding (llama.cpp issue 26484)."""

GUESS_RTF = 0.15
"""A model for audio of which nothing is known counts as this slow."""


def speed_of(rung: Rung, speeds: Speeds) -> Speed:
    """Return the measured speed of ``rung``, else one that follows from another LLM's."""
    if rung.bundle in speeds:
        return speeds[rung.bundle]
    if rung.role is not Role.LLM:
        return Speed(rtf=GUESS_RTF, assumed=True)
    return GUESS.times(GUESS_MB / max(1.0, rung.weights_mb or rung.least_mb))


def with_guesses(rungs: Rungs, speeds: Speeds) -> dict[str, Speed]:
    """Return the speed of every rung; an LLM's that was not measured follows from one that was."""
    known = {rung.bundle: speed_of(rung, speeds) for ladder in rungs.values() for rung in ladder}
    llms = rungs.get(Role.LLM, ())
    measured = [rung for rung in llms if not known[rung.bundle].assumed and rung.weights_mb]
    for rung in llms:
        if known[rung.bundle].assumed and measured and rung.weights_mb:
            nearest = min(measured, key=lambda each: abs(each.weights_mb - rung.weights_mb))
            known[rung.bundle] = replace(
                known[nearest.bundle].times(nearest.weights_mb / rung.weights_mb), assumed=True
            )
    return known


def _gain(parallel: float, before: int, after: int) -> float:
    return (1 - parallel + parallel / before) / (1 - parallel + parallel / after)
