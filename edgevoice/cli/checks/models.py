"""The models of the settings: here, whole, and what they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgevoice.cli.checks.finding import Finding, ok, problem
from edgevoice.core.bundle import Bundle, Role
from edgevoice.errors import EdgeVoiceError, ModelMissing

Get = Callable[[str, Role], Bundle]


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a bundle takes before it is on this device, in MB."""

    memory_mb: float
    pull_mb: float


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings, the memory of all models, and the disk space that the missing ones take."""

    findings: tuple[Finding, ...]
    memory_mb: float
    pull_mb: float


def check(names: Mapping[Role, str], get: Get, known: Callable[[str], Sizes | None]) -> Checked:
    """Look each of ``names`` up with ``get``; ``known`` tells of one that is not here."""
    findings: list[Finding] = []
    memory_mb = pull_mb = 0.0
    for role, name in names.items():
        try:
            bundle = get(name, role)
        except EdgeVoiceError as error:
            findings.append(problem(f"model {role}", error.problem, error.hint))
            sizes = known(name) or Sizes(0.0, 0.0)
            memory_mb += sizes.memory_mb
            pull_mb += sizes.pull_mb if isinstance(error, ModelMissing) else 0.0
        else:
            findings.append(ok(f"model {role}", f"{name}, {bundle.size_mb:.0f} MB"))
            memory_mb += bundle.memory_mb
    return Checked(tuple(findings), memory_mb, pull_mb)
