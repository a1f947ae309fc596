"""How likely a turn is over: by ear, by its words, and by how few they are."""

from __future__ import annotations

from math import exp, log

from edgevoice.core.words import Look

EVEN, EAR, OPEN_END, LITTLE = 0.73, 0.55, -2.01, -2.07
"""Weights of the evidence, as log odds that a silence ends the turn (``bench.turns --fit``: a
logistic regression over the silences in half of the test set for turn-taking). ``EAR`` is that
of the turn-end model's own log odds: it is a good deal too sure of itself. ``OPEN_END`` counts
if the words want more to follow, ``LITTLE`` if there are hardly any: who begins a sentence
stops and begins anew, which sounds and reads as if it were one."""

LITTLE_WORDS = 3

CLEAREST = 0.999
"""No model is surer than this."""


def turn_over(probability: float, look: Look | None) -> float:
    """Return the probability that the turn is over.

    ``probability`` is the turn-end model's, ``look`` that of the transcript, if it is known.
    """
    odds = EVEN + EAR * log_odds(probability)
    if look is not None:
        odds += OPEN_END * look.open_end + LITTLE * said_little(look)
    return 1 / (1 + exp(-odds))


def said_little(look: Look) -> bool:
    """Tell whether it is too little for a turn; "yes", "stop" and their like are enough."""
    return look.words <= LITTLE_WORDS and not look.backchannel and not look.stop


def log_odds(probability: float) -> float:
    """Return the log odds of a probability."""
    clear = min(max(probability, 1 - CLEAREST), CLEAREST)
    return log(clear / (1 - clear))
