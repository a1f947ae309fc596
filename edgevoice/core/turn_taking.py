"""When is it one's turn? The silence to wait for, as a pure function of the evidence."""

from __future__ import annotations

from dataclasses import dataclass

from edgevoice.core.turn_evidence import turn_over
from edgevoice.core.words import Look


class ImpossibleRules(ValueError):
    """The rules contradict each other."""


@dataclass(frozen=True, slots=True)
class TurnTaking:
    """Times in seconds, counted in the user's silence unless said otherwise.

    ``sure_s``, ``unsure_s``, ``sure_above`` and ``unsure_below`` are fitted (``bench.turns
    --fit``): of all in a grid that cut off at most 2 % of the turns in one half of the test set
    for turn-taking, and 5 % of those with long pauses, they wait the least.

    Attributes:
        sure_s: to wait when the turn is over by all evidence.
        unsure_s: to wait when the evidence says that the user will go on.
        blind_s: to wait when there is no evidence at all.
        sure_above: probability (``turn_over``) from which on the turn counts as over.
        unsure_below: probability under which the user is held to go on.
        barge_in_after_s: speech over the reply after which its words so far are looked at,
            to take the turn if they want it.
        look_again_s: time until the next look, while they only say "go on".
        longest_interjection_s: sound without words that the reply waits for.
        longest_utterance_s: an utterance is answered after this, finished or not.
        first_partial_s: a partial transcript is made after this much of an utterance,
        partial_every_s: again after this much more,
        partial_growth: and whenever the utterance is longer by this factor, if that is later.
            Each one hears the utterance from its beginning, so a fixed interval would cost the
            square of the length; a growing one costs 1 / (1 - 1 / 1.08) = 13.5 times the last at
            most.

    """

    sure_s: float = 0.16
    unsure_s: float = 1.3
    blind_s: float = 0.7
    sure_above: float = 0.88
    unsure_below: float = 0.86
    barge_in_after_s: float = 0.5
    look_again_s: float = 0.3
    longest_interjection_s: float = 2.0
    longest_utterance_s: float = 60.0
    first_partial_s: float = 0.8
    partial_every_s: float = 0.4
    partial_growth: float = 1.08

    def __post_init__(self) -> None:
        """Refuse rules by which a turn could have no end, or a partial transcript no next one."""
        if not 0 <= self.sure_s <= self.unsure_s:
            raise ImpossibleRules("sure_s must not exceed unsure_s")
        if self.unsure_below >= self.sure_above:
            raise ImpossibleRules("unsure_below must be less than sure_above")
        if min(self.first_partial_s, self.partial_every_s) <= 0 or self.partial_growth < 1:
            raise ImpossibleRules(
                "first_partial_s and partial_every_s must be over 0, partial_growth at least 1"
            )


def silence_needed(rules: TurnTaking, probability: float | None, look: Look | None) -> float:
    """Return the silence in seconds after which the turn is over.

    ``probability`` is the turn-end model's, ``look`` that of the transcript; None for what
    is not known (yet).
    """
    if probability is None:
        return rules.blind_s if look is None or not look.open_end else rules.unsure_s
    over = turn_over(probability, look)
    doubt = (rules.sure_above - over) / (rules.sure_above - rules.unsure_below)
    return rules.sure_s + min(1.0, max(0.0, doubt)) * (rules.unsure_s - rules.sure_s)


ROUNDING_S = 1e-6
"""A timer may fire this much early, by the rounding of sums of times."""


def next_partial(rules: TurnTaking, since: float, at: float) -> float:
    """Return the time for the next partial transcript of an utterance that began at ``since``."""
    length_s = rules.first_partial_s
    while since + length_s <= at + ROUNDING_S:
        length_s += max(rules.partial_every_s, length_s * (rules.partial_growth - 1))
    return since + length_s
