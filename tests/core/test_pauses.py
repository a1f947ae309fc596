import pytest

from edgevoice.core.pauses import CLAUSE_PAUSE_S, JOINT_PAUSE_S, SENTENCE_PAUSE_S, pause_after


@pytest.mark.parametrize(
    ("text", "pause_s"),
    [
        ("Yes.", SENTENCE_PAUSE_S),
        ("Really?! ", SENTENCE_PAUSE_S),
        ("She said “wait…”", SENTENCE_PAUSE_S),
        ("(Yes.)", SENTENCE_PAUSE_S),
        ("Well,", CLAUSE_PAUSE_S),
        ("It is this:", CLAUSE_PAUSE_S),
        ("I mean —", CLAUSE_PAUSE_S),
        ("and then", JOINT_PAUSE_S),
        ("", JOINT_PAUSE_S),
    ],
)
def test_the_last_mark_decides(text: str, pause_s: float) -> None:
    assert pause_after(text) == pause_s
