"""How often a transcript is wrong: words that must change, of all that were said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
import numpy as np

from edgevoice_quantize.words import comparable

DRAWS = 2000
"""Of the bootstrap that gives the interval: its ends move by less than 0.1 % with more."""


@dataclass(frozen=True, slots=True)
class Mistakes:
    """What one prompt's transcript got wrong: words that must change, of how many."""

    said: str
    heard: str
    errors: int
    words: int


def compare(said: str, heard: str) -> Mistakes:
    """Return how ``heard`` differs from ``said``."""
    said, heard = comparable(said, heard)
    counts = jiwer.process_words(said, heard)
    errors = counts.substitutions + counts.deletions + counts.insertions
    return Mistakes(said, heard, errors, len(said.split()))


def error_rate(mistakes: Sequence[Mistakes]) -> tuple[float, float, float]:
    """Return the word error rate and the ends of its 95 % interval."""
    errors = np.array([m.errors for m in mistakes])
    words = np.array([m.words for m in mistakes])
    draws = np.random.default_rng(0).integers(len(mistakes), size=(DRAWS, len(mistakes)))
    low, high = np.percentile(errors[draws].sum(axis=1) / words[draws].sum(axis=1), (2.5, 97.5))
    return float(errors.sum() / words.sum()), float(low), float(high)
