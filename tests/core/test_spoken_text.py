import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.core.spoken_text import speakable


@pytest.mark.parametrize(
    "text", ["", "  \n ", "...", "—", "😀", "👍🏻 🇫🇷", "---", "***", "```", "|---|"]
)
def test_nothing_to_say(text: str) -> None:
    assert speakable(text) == ""


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("**Bold**, *italic*, _this_ and `that`.", "Bold, italic, this and that."),
        ("snake_case stays", "snake_case stays"),
        ("## Heading", "Heading."),
        ("- milk\n- eggs!\n* bread", "milk. eggs! bread."),
        ("1. One\n2) Two", "1. One. 2. Two."),
        ("> quoted", "quoted."),
        ("Title\n\nThe body goes on", "Title. The body goes on"),
        ("```python\nx = 1\n```", "x = 1."),
        ("see [the docs](https://example.com/a) now", "see the docs now"),
        ("![a cat](cat.png)", "a cat"),
        ("| a | b |\n|---|---|", "a | b."),
        ("<b>bold</b> &amp; plain", "bold & plain"),
        (r"\(x\)", "x"),
        ("Hello 😀 there! 👍🏻", "Hello there!"),
        ("1️⃣ first", "1 first"),
    ],
)
def test_markup_and_pictures_are_left_out(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("see https://www.example.com/path?x=1.", "see example dot com."),
        ("at http://localhost:8080/x, then", "at localhost, then"),
        ("mail joe@example.co.uk", "mail joe at example dot co dot uk"),
        ("open main.py", "open main dot py"),
        ("10.0.0.25 and v2.0.1", "10 dot 0 dot 0 dot 25 and v2 dot 0 dot 1"),
        ("at 7.30 pm", "at 7:30 pm"),
        ("~5 minutes", "about 5 minutes"),
        ("a -> b → c", "a to b to c"),
        ("2 x 3 = 6, 2*3 = 6", "2 times 3 = 6, 2 times 3 = 6"),
        ("5 - 3 = 2", "5 minus 3 = 2"),
        ("30 s, 100 m, 5 l.", "30 seconds, 100 meters, 5 liters."),
        ("C# and F#", "C sharp and F sharp"),
        ("yes / no", "yes or no"),
        ("24/7", "24 7"),
        ("CO2 and CO₂", "C O 2 and C O 2"),
        ("5'10\"", "5 foot 10"),
        ("call 5551234567", "call 5 5 5 1 2 3 4 5 6 7"),
    ],
)
def test_what_a_voice_cannot_read_becomes_words(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


@pytest.mark.parametrize(
    "text",
    [
        "It is 21°C, or 70 °F.",
        "At 7:30 pm, on 22/11/2024, for $5.99.",
        "Dr. Smith vs. Mr. Jones, e.g. in the U.S., etc.",
        "3.14, 1,250, 10%, 10-15, 1/2, -5 and 1990s",
        "-5 degrees",
        "“Hello,” she said (twice)…",
    ],
)
def test_what_a_voice_reads_well_is_left_alone(text: str) -> None:
    assert speakable(text) == text


@given(st.text())
def test_any_text_becomes_one_line(text: str) -> None:
    spoken = speakable(text)
    assert spoken == " ".join(spoken.split())
    assert spoken == "" or any(c.isalnum() for c in spoken)
