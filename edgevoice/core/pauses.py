"""How long a voice pauses between clauses."""

SENTENCE_PAUSE_S = 0.265
CLAUSE_PAUSE_S = 0.185
"""Medians of what a professional speaker does: the pause at the full stop inside 16 recorded
prompts, and at the comma inside 20, of those that come with Asterisk. Theirs are cut for the
telephone; in reading at leisure, pauses are longer, and an answer comes later."""

JOINT_PAUSE_S = 0.05
"""Between words that no mark divides: shorter than the silence inside a "p" or a "t", and so
not heard as a pause."""


def pause_after(text: str) -> float:
    """Return the pause in seconds that the end of ``text`` (words or phonemes) asks for."""
    last = text.rstrip().rstrip("\"”’')]")[-1:]
    if last and last in ".!?…":
        return SENTENCE_PAUSE_S
    return CLAUSE_PAUSE_S if last and last in ",;:—–-" else JOINT_PAUSE_S
