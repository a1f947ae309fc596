from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.core.clauses import (
    FIRST_CLAUSE_LIMIT,
    FIRST_CLAUSE_WORDS,
    LATER_CLAUSE_LIMIT,
    LATER_CLAUSE_WORDS,
    ClauseSplitter,
)


def split(*pieces: str) -> list[str]:
    splitter = ClauseSplitter()
    clauses = [clause for piece in pieces for clause in splitter.feed(piece)]
    return clauses + splitter.flush()


@pytest.mark.parametrize(
    "clauses",
    [
        ["It is noon."],
        ["It is noon.", "Time to eat."],
        ["Really?", "Yes!", "No.", "Perhaps."],
        ["Wait...", "what was that?!", "Nothing."],
        ["Wait…", "I see."],
        ["Pi is 3.14 or so.", "It goes on."],
        ["It costs 1,000 dollars.", "That is much."],
        ["Dr. Smith met Mrs. Jones.", "They talked."],
        ["J. R. R. Tolkien wrote it.", "I like it."],
        ["At 5 a.m. or at 7 p.m. we meet.", "Good."],
        ["The U.S. Army came.", "It left."],
        ["See e.g. the first one.", "It is good."],
        ["Take No. 5.", "It is good."],
        ["No.", "It is not."],
        ["The answer is 4.", "Next one?"],
        ['He said "go."', "She went."],
        ["“Go.”", "‘Why?’"],
        ["(That is all.)", "Good."],
        ["**Paris.**", "It is in France."],
        ["See https://example.com/a.b?c=d and look.", "Good."],
        ["Write to me.you@example.com today.", "Thanks."],
        ["Great!", "😀 How are you?"],
        ["It is 5:30 now.", "So late."],
    ],
    ids=" | ".join,
)
def test_a_reply_is_cut_into_sentences(clauses: list[str]) -> None:
    text = " ".join(clauses)
    assert split(text) == split(*text) == clauses


@pytest.mark.parametrize(
    "clauses",
    [
        ["In the old days,", "people walked, rode, or stayed at home."],
        ["Here are three:", "one, two, three."],
        ["I came —", "saw — won."],
        ["On July 20, 1969,", "people were on the moon."],
    ],
    ids=" | ".join,
)
def test_the_first_clause_may_end_inside_a_sentence(clauses: list[str]) -> None:
    text = " ".join(clauses)
    assert split(text) == split(*text) == clauses


def words(count: int) -> str:
    return " ".join(["word"] * count)


def test_a_first_clause_has_some_words_before_its_comma() -> None:
    few = words(FIRST_CLAUSE_WORDS - 1)
    assert split(f"{few}, word, word.") == [f"{few}, word,", "word."]
    assert split(f"{few} word, word.") == [f"{few} word,", "word."]


def test_a_first_clause_without_a_comma_ends_before_a_conjunction() -> None:
    long = words(FIRST_CLAUSE_LIMIT)
    assert split(f"{long} and on. Yes.") == [long, "and on.", "Yes."]
    assert split(f"{words(FIRST_CLAUSE_LIMIT - 1)} and on.") == [
        f"{words(FIRST_CLAUSE_LIMIT - 1)} and on."
    ]


@pytest.mark.parametrize("word", ["for", "because", "When"])
def test_a_first_clause_ends_early_before_a_word_that_begins_a_phrase(word: str) -> None:
    few = words(FIRST_CLAUSE_WORDS)
    assert split(f"{few} {word} a word, word.") == [few, f"{word} a word, word."]
    fewer = words(FIRST_CLAUSE_WORDS - 1)
    assert split(f"{fewer} {word} a word. Word.") == [f"{fewer} {word} a word.", "Word."]


def test_a_comma_after_a_word_ends_the_first_clause_at_once() -> None:
    few = words(FIRST_CLAUSE_WORDS)
    assert ClauseSplitter().feed(f"{few},") == [f"{few},"]
    assert ClauseSplitter().feed(f"{few} 1,") == []  # perhaps "1,000"


def test_a_later_clause_ends_at_a_comma_only_when_it_is_long() -> None:
    long, short = words(LATER_CLAUSE_WORDS), words(LATER_CLAUSE_WORDS - 1)
    assert split(f"Yes. {long}, word.") == ["Yes.", f"{long},", "word."]
    assert split(f"Yes. {short}, word.") == ["Yes.", f"{short}, word."]


def test_a_later_clause_without_an_end_is_cut_before_a_conjunction() -> None:
    long, short = words(LATER_CLAUSE_LIMIT), words(LATER_CLAUSE_LIMIT - 1)
    assert split(f"Yes. {long} but word") == ["Yes.", long, "but word"]
    assert split(f"Yes. {short} but word") == ["Yes.", f"{short} but word"]


def test_a_list_is_cut_into_its_lines() -> None:
    text = "Three fruits:\n1. Apples\n2. Pears, ripe\n- Plums\n\nEnjoy"
    assert split(text) == ["Three fruits:", "1. Apples", "2. Pears, ripe", "- Plums", "Enjoy"]


def test_a_clause_is_handed_out_as_soon_as_it_is_complete() -> None:
    splitter = ClauseSplitter()
    assert splitter.feed("It is noon.") == []  # perhaps "noon.com"
    assert splitter.feed(" T") == ["It is noon."]
    assert splitter.feed("ime to eat.") == []
    assert splitter.flush() == ["Time to eat."]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "...", "😀", "* * *", '"'])
def test_what_cannot_be_spoken_is_no_clause(text: str) -> None:
    assert split(text) == []


def test_symbols_go_with_the_words_after_them() -> None:
    assert split("Yes. ... — no.") == ["Yes.", "... — no."]


TOKENS = st.sampled_from(
    'word Dr. U.S. a.m. 3.14 1. No. 5 and but with, so: end. end! what? wait... … — - , . ( ) " 😀 '
    "don't “quote.” “one,” (aside,) "
    "(aside.) **bold.** http://x.y/z; No.) e.g., 1969, no. was".split()
)
SPACES = st.sampled_from([" ", " ", " ", "  ", "\n", "\n\n", " \n "])
TEXTS = st.lists(st.tuples(TOKENS, SPACES), max_size=60).map(
    lambda pairs: "".join(token + space for token, space in pairs)
) | st.text(max_size=80)


@st.composite
def texts_in_pieces(draw: st.DrawFn) -> list[str]:
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(texts_in_pieces())
def test_the_clauses_do_not_depend_on_how_the_text_is_cut(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert split(*pieces) == split(text) == split(*text)


@given(TEXTS)
def test_nothing_is_lost_and_nothing_repeated(text: str) -> None:
    spoken = " ".join(split(text)).split()
    assert spoken == text.split()[: len(spoken)]
    assert not any(c.isalnum() for word in text.split()[len(spoken) :] for c in word)


@given(TEXTS)
def test_each_clause_can_be_spoken(text: str) -> None:
    assert all(any(c.isalnum() for c in clause) for clause in split(text))
