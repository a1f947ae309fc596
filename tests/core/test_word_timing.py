import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.core.pauses import SENTENCE_PAUSE_S
from edgevoice.core.word_timing import heard_words

CLAUSE = "The egg should boil, then, for six minutes."
SPEECH_S = 4.2
TOTAL_S = SPEECH_S + SENTENCE_PAUSE_S


@pytest.mark.parametrize(
    ("played_s", "heard"),
    [
        (0.0, ""),
        (0.15, ""),
        (0.25, "The"),
        (0.9, "The egg"),
        (1.4, "The egg should"),
        (2.4, "The egg should boil,"),
        (3.2, "The egg should boil, then, for"),
        (4.1, CLAUSE),
        (SPEECH_S, CLAUSE),
        (TOTAL_S, CLAUSE),
        (TOTAL_S + 1, CLAUSE),
    ],
)
def test_words_are_heard_one_after_the_other(played_s: float, heard: str) -> None:
    assert heard_words(CLAUSE, played_s, TOTAL_S) == heard


def test_the_pause_after_the_clause_is_no_word() -> None:
    assert heard_words("Yes.", 0.4, 0.4 + SENTENCE_PAUSE_S) == "Yes."


def test_a_number_takes_as_long_as_its_words() -> None:
    assert heard_words("Pay $1999 to me", 2.2, 2.65) == "Pay $1999"


def test_a_picture_at_the_end_does_not_hide_the_full_stop() -> None:
    assert heard_words("Yes. 😀", 0.4, 0.4 + SENTENCE_PAUSE_S) == "Yes. 😀"


@given(st.text(), st.floats(0, 10), st.floats(0, 10), st.floats(0, 10))
def test_what_was_heard_only_grows(text: str, total_s: float, a: float, b: float) -> None:
    earlier, later = sorted([a, b])
    before, after = (heard_words(text, played_s, total_s).split() for played_s in (earlier, later))
    assert after[: len(before)] == before
    assert text.split()[: len(after)] == after
