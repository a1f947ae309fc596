"""One key of the settings: what it means, and what it takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a section.

    Attributes:
        about: what it means, in one line.
        span: least and greatest number allowed, None where it takes no number.
        multiple_of: whole numbers must be a multiple of this.
        words: the only texts allowed; empty where any will do.
        is_path: it names a file or folder, so that ``~`` stands for the home folder.
        kinds: the types that it takes, as its annotation says.

    """

    about: str
    span: tuple[float, float] | None = None
    multiple_of: int = 1
    words: tuple[str, ...] = ()
    is_path: bool = False
    kinds: tuple[type, ...] = ()

    @property
    def allowed(self) -> str:
        """What it takes, in words."""
        return " or ".join(self._allowed(kind) for kind in self.kinds)

    def _allowed(self, kind: type) -> str:
        if kind is bool:
            return "true or false"
        if kind is str:
            return " or ".join(f'"{word}"' for word in self.words) or "a text"
        number = "a whole number" if kind is int else "a number"
        span = f" from {self.span[0]:.12g} to {self.span[1]:.12g}" if self.span else ""
        steps = f" in steps of {self.multiple_of}" if self.multiple_of > 1 else ""
        return number + span + steps

    def admits(self, value: object) -> bool:
        """Say whether ``value`` is of an allowed type and in range."""
        if isinstance(value, bool):
            return bool in self.kinds
        if isinstance(value, str):
            return str in self.kinds and (not self.words or value in self.words)
        if isinstance(value, int):
            fits = (int in self.kinds or float in self.kinds) and value % self.multiple_of == 0
        elif isinstance(value, float):
            fits = float in self.kinds
        else:
            return False
        return fits and (self.span is None or self.span[0] <= value <= self.span[1])


def key(
    default: T,
    about: str,
    span: tuple[float, float] | None = None,
    *,
    multiple_of: int = 1,
    words: tuple[str, ...] = (),
    is_path: bool = False,
) -> T:
    """Declare a key as a field of its section's dataclass."""
    return field(default=default, metadata={"key": Key(about, span, multiple_of, words, is_path)})
