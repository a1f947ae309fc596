"""What a typical turn of talk costs: the time until the reply is audible, and processor time.

The turn is like those that ``python -m bench.latency`` says: a prompt of some seconds, a reply of
one or two sentences.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgevoice.core.rung import Speed
from edgevoice.core.speculation import Speculation
from edgevoice.core.turn_taking import TurnTaking

UTTERANCE_S = 3.5
QUESTION_TOKENS = 20
CLAUSE_TOKENS = 10
REPLY_TOKENS = 45
TOKEN_S = 0.23
"""Speech per token: 0.3 s a word, 1.3 tokens a word."""

CLAUSE_S, REPLY_S = CLAUSE_TOKENS * TOKEN_S, REPLY_TOKENS * TOKEN_S

LAST_WORDS_TOKENS = 8
"""Tokens of the question that are still to be read at its end, if the ones before were read."""

FALL_S = 0.08
"""From the end of speech until the voice activity detector falls."""

PARTIALS = 1.4
"""Partial transcripts hear this many times the utterance, one of typical length."""

WRONG_GUESSES = 0.25
"""Drafts a turn that are thrown away because the user goes on (assumed)."""

BETWEEN_S = 1.5
"""From the end of a reply until the user speaks, in a lively talk (assumed)."""

SCORES_S = 0.06
"""Processor time of the turn-end model (12 ms on a fast core, by its makers; assumed here)."""

LISTENING_CORES = 0.02
"""Work of the voice activity detector and the sound, always."""

_RULES = TurnTaking()


@dataclass(frozen=True, slots=True)
class Setup:
    """How a turn is done: who is how fast, and how much is done ahead.

    ``share`` is the part of the time for which a thread that has work is let run.
    """

    stt: Speed
    llm: Speed
    tts: Speed
    turn_end: bool = True
    speculation: Speculation = "draft"
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one turn.

    Attributes:
        latency_s: from the end of speech to the first audible sample.
        cpu_s: processor time of all threads.
        turn_s: from the user's first word to the next turn's.
        lag: seconds of work for each second of the reply's sound; over 1 the voice stutters.

    """

    latency_s: float
    cpu_s: float
    turn_s: float
    lag: float

    @property
    def load(self) -> float:
        """Cores that are busy on average in a lively talk."""
        return self.cpu_s / self.turn_s + LISTENING_CORES


def cost(setup: Setup) -> Cost:
    """Return what a typical turn costs."""
    stt, llm, tts = setup.stt, setup.llm, setup.tts
    unread = QUESTION_TOKENS if setup.speculation == "off" else LAST_WORDS_TOKENS
    transcript_s = FALL_S + stt.rtf * UTTERANCE_S / setup.share
    first_s = unread / llm.read_tps + CLAUSE_TOKENS / llm.write_tps + tts.rtf * CLAUSE_S
    first_s /= setup.share
    over_s = max(_RULES.sure_s if setup.turn_end else _RULES.blind_s, transcript_s)
    if setup.speculation == "draft":
        latency_s = max(over_s, transcript_s + first_s)
    else:
        latency_s = over_s + first_s
    # Clauses are written and voiced beside each other: the slower of the two sets the pace.
    lag = max(1 / llm.write_tps / TOKEN_S, tts.rtf) / setup.share
    turn_s = UTTERANCE_S + latency_s + REPLY_S * max(1.0, lag) + BETWEEN_S
    return Cost(latency_s, _cpu_s(setup), turn_s, lag)


def _cpu_s(setup: Setup) -> float:
    stt, llm, tts = setup.stt, setup.llm, setup.tts
    heard = 1.0 if setup.speculation == "off" else 1.0 + PARTIALS
    guesses = WRONG_GUESSES if setup.speculation == "draft" else 0.0
    draft = llm.threads * (LAST_WORDS_TOKENS / llm.read_tps + CLAUSE_TOKENS / llm.write_tps)
    draft += tts.threads * tts.rtf * CLAUSE_S
    return (
        stt.threads * stt.rtf * UTTERANCE_S * heard
        + llm.threads * (QUESTION_TOKENS / llm.read_tps + REPLY_TOKENS / llm.write_tps)
        + tts.threads * tts.rtf * REPLY_S
        + guesses * draft
        + (SCORES_S if setup.turn_end else 0.0)
    )
