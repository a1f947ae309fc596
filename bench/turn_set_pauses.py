"""Pauses where people make them: put between the words of a recorded sentence.

Before a phrase that goes on, and after a word that waits for its noun; the last sound before
the silence is drawn out, as speakers do who hesitate. There is no "um": nobody recorded one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from bench import turn_set_sounds as sounds
from bench.turn_set_item import Pause, Said
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.core.words import plain_words
from edgevoice_quantize.speech import Clip

Words = tuple[list[str], list[float]]
"""The words of a clip and the boundaries between them in seconds (``turn_set_words``)."""

FOLLOWS = frozenset(
    "and but or for with by from in on at of to which who that then followed when while if "
    "because otherwise please".split()
)
"""Words before which a phrase has come to its end and the sentence has not."""

WAITS = frozenset("the a an your my of to and or for by is are you i not".split())
"""Words after which speakers hesitate, in search of the next one."""

SHORTEST_S, LONG_S, LONGEST_S = 0.3, 0.6, 1.2

APART_S = 0.4
"""Nobody pauses twice within a word or two."""

FADE_IN_S, FADE_OUT_S = 0.005, 0.02
"""At a cut, so that it does not click."""

LAST_SOUND_S = 0.2
"""What is drawn out before a pause: a syllable."""

DRAWN_OUT = (1.2, 1.8)
"""By how much: hesitation lengthens the last syllable by up to the half of it and more."""


def paused(said: Said, words: Words, rng: Generator, *, long: bool) -> Said | None:
    """Return ``said`` with one to three pauses, None where it offers no place for one.

    Each is of 0.3 to 0.6 s, unless ``long``: then the first is longer, and others may be.
    """
    places = [at for number, at in enumerate(words[1], start=1) if _is_place(words[0], number)]
    if not places:
        return None
    most = int(rng.integers(1, 4))
    cuts: list[float] = []
    for place in rng.permutation(places):
        if len(cuts) < most and all(abs(place - cut) > APART_S for cut in cuts):
            cuts.append(float(place))
    lengths = rng.uniform(SHORTEST_S, LONGEST_S if long else LONG_S, len(cuts))
    if long:
        lengths[rng.integers(len(cuts))] = rng.uniform(LONG_S, LONGEST_S)
    return _joined(said, _pieces(said.samples, sorted(cuts)), lengths, rng)


def false_start(said: Said, words: Words, rng: Generator) -> Said:
    """Return one to three words of ``said``, a pause of up to a second, and the whole of it."""
    count = int(rng.integers(1, min(4, len(words[0]) - 1)))
    first = _pieces(said.samples, [words[1][count - 1]])[0]
    begun = replace(said, begun=" ".join(words[0][:count]))
    return _joined(begun, [first, said.samples], [rng.uniform(SHORTEST_S, 1.0)], rng)


def own_pauses(clip: Clip, below_db: float = -40.0, shortest_s: float = 0.2) -> Said:
    """Return ``clip`` with the pauses that its speaker makes."""
    frames = clip.samples[: len(clip.samples) // 160 * 160].reshape(-1, 160)
    level = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)
    loud = np.nonzero(level > level.max() + below_db)[0]
    gaps = [(int(a) + 1, int(b)) for a, b in pairwise(loud)]
    pauses = tuple(Pause(a / 100, (b - a) / 100) for a, b in gaps if b - a >= 100 * shortest_s)
    return Said(clip.name, clip.samples, clip.text, pauses=pauses)


def _is_place(words: list[str], number: int) -> bool:
    """Tell whether a speaker may pause after ``number`` words."""
    if not 2 <= number <= len(words) - 2:
        return False
    before, after = plain_words(words[number - 1]), plain_words(words[number])
    return (
        words[number - 1].endswith(",")
        or not FOLLOWS.isdisjoint(after)
        or not WAITS.isdisjoint(before)
    )


def _pieces(samples: Samples, cuts: Iterable[float]) -> list[Samples]:
    return np.split(samples, [round(cut * EARS_RATE) for cut in cuts])


def _joined(said: Said, pieces: list[Samples], lengths: Iterable[float], rng: Generator) -> Said:
    """Return ``pieces`` with pauses of ``lengths`` in seconds between them."""
    parts: list[Samples] = []
    pauses: list[Pause] = []
    for piece, length in zip(pieces, lengths, strict=False):
        parts.append(sounds.faded(_hesitating(piece, rng), FADE_IN_S, FADE_OUT_S))
        pauses.append(Pause(sum(map(len, parts)) / EARS_RATE, float(length)))
        parts.append(sounds.silence(length))
    parts.append(sounds.faded(pieces[-1], FADE_IN_S, 0))
    return replace(said, samples=np.concatenate(parts), pauses=tuple(pauses))


def _hesitating(piece: Samples, rng: Generator) -> Samples:
    last = min(len(piece), round(LAST_SOUND_S * EARS_RATE))
    drawn = sounds.drawn_out(piece[-last:], rng.uniform(*DRAWN_OUT))
    return np.concatenate([piece[:-last], drawn])
