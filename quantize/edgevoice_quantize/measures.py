"""What a variant is judged by: one ``Measure`` for each role.

A measure runs a bundle in its real engine, in a child process (``edgevoice_quantize.child``),
and returns figures of one flat mapping. All roles have:

- ``mb``: size of the bundle's files, in 1e6 bytes
- ``seconds``: CPU time or wall time (the same for all variants of a role) that the items took
- ``pss_mb``: peak proportional set size of the child, in 1e6 bytes

and their own: STT ``wer`` and ``drift`` (shares, not per cent; drift is the word error rate
against the source's transcripts), LLM ``perplexity``, ``kl`` (nats), ``top1`` (share) and so on,
TTS ``mcd_db`` and ``length_drift`` (share).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from edgevoice.core.bundle import Role
from edgevoice.errors import BackendMissing, Misused
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_quantize.held_out import Calibration, Item
from edgevoice_quantize.recipe import Recipe
from edgevoice_quantize.search import Layer

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Measures:
    """The figures of one bundle. ``noise`` is how far each was off in a repeat, 0 if not at all.

    ``details`` are kept in the JSON report and not compared; both are JSON-able.
    """

    values: dict[str, float]
    noise: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


class Space(Protocol):
    """What the search may choose from, for one source bundle."""

    @property
    def layers(self) -> Sequence[Layer]:
        """With their choices, what each saves, and how much harm it does by itself."""
        ...

    def recipe(self, chosen: Mapping[str, str]) -> Recipe:
        """Return the recipe that gives every layer (by name) the chosen level."""
        ...


class Measure(Protocol):
    """How bundles of one role are measured. The module of a role has one as ``MEASURE``."""

    version: int
    """Raised when the method changes, so that no figures of an earlier one are reused."""

    budget: str
    """What the gate allows by default, in the words of ``--budget``: "wer+0.5"."""

    columns: Mapping[str, str]
    """Key -> format for the report's table: {"wer": ".2%", "drift": ".2%"}. The first is the
    quality axis of the picture."""

    def items(self, data: Path | None) -> list[Item]:
        """Return the data in the user's folder ``data``, or the role's own when it is None.

        Raises:
            EdgeVoiceError: there are none.

        """
        ...

    def measure(
        self, bundle: Path, items: Sequence[Item], source: Path, work: Path, progress: Progress
    ) -> Measures:
        """Measure the bundle in the folder ``bundle`` on ``items``.

        ``source`` is the folder of the bundle that it was made from (for the source itself, the
        same folder). ``work`` is kept between calls that share source and items: what the source
        said may be stored there, in files written whole.

        Raises:
            ModelError: the engine refuses the bundle.

        """
        ...

    def space(
        self, source: Path, calibration: Calibration, work: Path, progress: Progress
    ) -> Space:
        """Return what the search may choose from, with the sensitivity of each layer.

        Raises:
            Misused: there is no search for bundles of this engine.

        """
        ...


MODULES = {
    Role.STT: "edgevoice_quantize.stt",
    Role.LLM: "edgevoice_quantize.llm",
    Role.TTS: "edgevoice_quantize.tts",
}
"""Each has ``MEASURE``."""


def find(role: Role) -> Measure:
    """Return the measure of ``role``.

    Raises:
        Misused: bundles of this role are not quantized.
        BackendMissing: a package of the extra is not installed.

    """
    if role not in MODULES:
        raise Misused(f"A bundle of the role {role} cannot be quantized.")
    try:
        return cast(Measure, import_module(MODULES[role]).MEASURE)
    except ModuleNotFoundError as missing:
        raise BackendMissing(str(missing.name), extra="quantize") from missing
