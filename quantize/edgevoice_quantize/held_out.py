"""Data in two parts that never meet: one to tune on, one to judge by.

Which part an item belongs to is a hash of its name: the same in every run, on every machine,
and whatever else is in the set. Techniques calibrate, and the search compares its candidates,
on ``Calibration``; what is reported and gated is measured on ``HeldOut``. Neither can be made
with an item of the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from edgevoice.backends.protocols import Samples
from edgevoice.errors import EdgeVoiceError

CALIBRATION_PERCENT = 40
"""Of 255 prompts it leaves some 150 to judge by, and 100 to search on."""

FEWEST = 8
"""Items to calibrate on or to judge by: fewer say more of themselves than of the model."""


@dataclass(frozen=True, slots=True)
class Item:
    """One utterance or text. ``samples`` (16 kHz) are there for STT only."""

    name: str
    text: str
    samples: Samples | None = field(default=None, repr=False, compare=False)

    @property
    def for_calibration(self) -> bool:
        """Which of the two parts it belongs to, by a hash of its name."""
        digest = hashlib.sha256(self.name.encode()).digest()
        return int.from_bytes(digest[:4], "big") % 100 < CALIBRATION_PERCENT


@dataclass(frozen=True, slots=True)
class Calibration:
    """What techniques and the search may look at."""

    items: tuple[Item, ...]

    def __post_init__(self) -> None:
        """Refuse an item of the other part."""
        _refuse(item for item in self.items if not item.for_calibration)

    def fingerprint(self) -> str:
        """Return a hash of all that is in it."""
        return _fingerprint(self.items)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What models are judged by, once they are made."""

    items: tuple[Item, ...]

    def __post_init__(self) -> None:
        """Refuse an item of the other part."""
        _refuse(item for item in self.items if item.for_calibration)

    def fingerprint(self) -> str:
        """Return a hash of all that is in it."""
        return _fingerprint(self.items)


def split(items: Iterable[Item]) -> tuple[Calibration, HeldOut]:
    """Return the two parts of ``items``.

    Raises:
        EdgeVoiceError: a part has less than ``FEWEST`` items, or a name comes twice.

    """
    items = tuple(items)
    if len({item.name for item in items}) < len(items):
        raise EdgeVoiceError("Two items of the data have the same name.")
    calibration = Calibration(tuple(item for item in items if item.for_calibration))
    held_out = HeldOut(tuple(item for item in items if not item.for_calibration))
    for part, what in ((calibration, "calibrate on"), (held_out, "judge by")):
        if len(part.items) < FEWEST:
            raise EdgeVoiceError(
                f"Of {len(items)} items {len(part.items)} are left to {what}; "
                f"{FEWEST} are the fewest.",
                hint=f"--data with {4 * FEWEST} utterances or texts, better 200",
            )
    return calibration, held_out


def _refuse(strangers: Iterable[Item]) -> None:
    for item in strangers:
        raise ValueError(f"{item.name} belongs to the other part of the data")


def _fingerprint(items: Iterable[Item]) -> str:
    digest = hashlib.sha256()
    for item in items:
        digest.update(f"{item.name}\0{item.text}\0".encode())
        if item.samples is not None:
            digest.update(item.samples.tobytes())
    return digest.hexdigest()
