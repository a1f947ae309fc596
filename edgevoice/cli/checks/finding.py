"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    """A talk can be held, but not as well as could be."""
    PROBLEM = "problem"
    """No talk can be held."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report, with what to type and a list of details where there are such."""

    area: str
    grade: Grade
    said: str
    hint: str = ""
    details: tuple[str, ...] = ()


def ok(area: str, said: str, *details: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(area, Grade.OK, said, details=details)


def warning(area: str, said: str, hint: str = "") -> Finding:
    """Return a finding that something could be better."""
    return Finding(area, Grade.WARNING, said, hint)


def problem(area: str, said: str, hint: str = "") -> Finding:
    """Return a finding that something prevents a talk."""
    return Finding(area, Grade.PROBLEM, said, hint)
