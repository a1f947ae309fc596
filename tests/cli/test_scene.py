"""The picture of a talk, at every size."""

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edgevoice.cli.scene import Said, Scene, draw

STAGES = {"endpoint": 0.21, "stt": 0.08, "llm": 0.19, "tts": 0.06, "voice to voice": 0.54}


def talk() -> Scene:
    """A reply that was cut, and one that is being spoken."""
    scene = Scene(models=["moonshine-tiny-en", "smollm2-135m", "hibari"], memory_mb=431.4)
    scene.said.append(Said("you", ("What is the capital of France?",)))
    cut = Said(
        "edgevoice", ("It is Paris.", "Paris lies on the Seine."), heard="It is Paris. Paris"
    )
    scene.said.append(cut)
    scene.said.append(Said("notice", ("The microphone is gone.",)))
    scene.said.append(Said("you", ("And that of Spain, which I have always wanted to visit?",)))
    scene.said.append(Said("edgevoice", ("It is Madrid.", "Shall I tell you more?")))
    scene.meter.extend([(-60.0, "idle"), (-20.0, "listening"), (-3.0, "speaking")])
    scene.phase = "speaking"
    scene.stages = STAGES
    return scene


def shown(scene: Scene, width: int, height: int) -> str:
    console = Console(record=True, width=width, color_system=None, file=StringIO())
    for line in draw(scene, width, height):
        console.print(line, soft_wrap=True)
    return "\n".join(line.rstrip() for line in console.export_text().splitlines())


def styled(scene: Scene, style: str) -> list[str]:
    return [
        line.plain[span.start : span.end]
        for line in draw(scene, 79, 24)
        for span in line.spans
        if span.style == style
    ]


COMMON = """\
 edgevoice                                                          ● speaking
                                                                   ▁▆█   -3 dB

       you ▌ What is the capital of France?
 edgevoice ▏ It is Paris. Paris — lies on the Seine.
           ! The microphone is gone.

       you ▌ And that of Spain, which I have always wanted to visit?
 edgevoice ▏ It is Madrid. Shall I tell you more?








 ━━━━━━━━━━━━━━━━━━━ ━━━━━━━ ━━━━━━━━━━━━━━━━━ ━━━━━━    voice to voice 540 ms
 ━ endpoint 210 ms   ━ stt 80 ms   ━ llm 190 ms   ━ tts 60 ms
 moonshine-tiny-en · smollm2-135m · hibari                              431 MB"""

NARROW = """\
 edgevoice               ● speaking
                        ▁▆█   -3 dB

 ▌ What is the capital of France?
 ▏ It is Paris. Paris — lies on the
 ▏ Seine.
 ! The microphone is gone.

 ▌ And that of Spain, which I have
 ▌ always wanted to visit?
 ▏ It is Madrid. Shall I tell you
 ▏ more?


 ━━━━━━━━ ━━━ ━━━━━━━ ━━━    540 ms
 ━ endpoint 210 ms   ━ stt 80 ms
 ━ llm 190 ms   ━ tts 60 ms
 moonshine-tiny-en · smollm… 431 MB"""

LOW = """\
 edgevoice                                                          ● speaking

       you ▌ And that of Spain, which I have always wanted to visit?
 edgevoice ▏ It is Madrid. Shall I tell you more?
 moonshine-tiny-en · smollm2-135m · hibari                              431 MB"""


@pytest.mark.parametrize(
    ("width", "height", "picture"),
    [(79, 20, COMMON), (36, 18, NARROW), (79, 5, LOW)],
    ids=[
        "a common terminal",
        "a narrow one does without the names",
        "a low one shows the end of the talk",
    ],
)
def test_the_whole_picture(width: int, height: int, picture: str) -> None:
    assert shown(talk(), width, height) == picture


def test_nothing_is_shown_before_there_is_something() -> None:
    assert shown(Scene(), 40, 8).split() == ["edgevoice", "○", "idle"]


def test_the_clause_being_spoken_is_bold() -> None:
    scene = talk()
    assert "Shall I tell you more?" in styled(scene, "bold")
    scene.phase = "idle"
    assert "Shall I tell you more?" not in styled(scene, "bold")


def test_what_was_not_heard_is_struck_out() -> None:
    assert styled(talk(), "dim strike") == ["lies on the Seine."]


def test_words_that_may_change_are_dim() -> None:
    scene = talk()
    scene.partial = "and of"
    assert styled(scene, "dim italic") == ["and of …"]


def test_a_meter_is_red_when_it_clips() -> None:
    assert "█" in styled(talk(), "red")


@given(
    st.integers(1, 220),
    st.integers(1, 60),
    st.text(max_size=300),
    st.floats(allow_nan=False),
    st.dictionaries(st.sampled_from(list(STAGES)), st.floats(0, 1e6)),
)
def test_every_size_is_filled_and_not_exceeded(
    width: int, height: int, text: str, db: float, stages: dict[str, float]
) -> None:
    scene = talk()
    scene.partial = " ".join(text.split())
    scene.said.append(Said("edgevoice", (scene.partial, scene.partial), heard=scene.partial[:7]))
    scene.meter.append((db, "held"))
    scene.stages = stages
    lines = draw(scene, width, height)
    assert len(lines) == height
    assert max(line.cell_len for line in lines) <= width
