"""How long a voice pauses between clauses."""

SENTENCE_PAUSE_S = 0.23
CLAUSE_PAUSE_S = 0.17
"""Medians of a professional speaker's pauses at a full stop and at a comma
(``python -m bench.pauses``). Her prompts are made for the telephone: people who read at leisure
pause longer, but an answer that is waited for should not."""

JOINT_PAUSE_S = 0.05
"""Between words that no mark divides: shorter than the silence inside a "p" or a "t", and so
not heard as a pause."""


def pause_after(text: str) -> float:
    """Return the pause in seconds that the end of ``text`` (words or phonemes) asks for."""
    last = text.rstrip().rstrip("\"”’')]")[-1:]
    if last and last in ".!?…":
        return SENTENCE_PAUSE_S
    return CLAUSE_PAUSE_S if last and last in ",;:—–-" else JOINT_PAUSE_S
