"""Lines for a person without a terminal, and for a program."""

import json
import subprocess
import sys
from io import BytesIO, StringIO, TextIOWrapper

import pytest

from edgevoice.cli.plain import JsonView, PlainView
from edgevoice.cli.view import View, printable


def talk(view: View) -> None:
    view.phase("listening")
    view.level(-20.0)
    view.partial("What is")
    view.heard("What is the capital of France?")
    view.stages({"endpoint": 0.2104, "stt": 0.08, "voice to voice": 12.34})
    view.reply("It is Paris.")
    view.reply("It lies\non the Seine.")
    view.cut("It is")
    view.cut("")
    view.notice("The microphone is gone.")
    view.close()
    view.heard("Is anybody there?")


def test_lines_for_a_person() -> None:
    out = StringIO()
    talk(PlainView(out))
    assert out.getvalue().splitlines() == [
        "      you: What is the capital of France?",
        "     took: endpoint 210 ms, stt 80 ms, voice to voice 12.3 s",
        "edgevoice: It is Paris.",
        "edgevoice: It lies on the Seine.",
        "      cut: It is",
        "      cut: (before the first word)",
        "        !  The microphone is gone.",
    ]


def test_lines_for_a_program() -> None:
    out = StringIO()
    times = iter(range(100))
    talk(JsonView(out, lambda: next(times) / 8))
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"at": 0.125, "kind": "phase", "name": "listening"},
        {"at": 0.25, "kind": "partial", "text": "What is"},
        {"at": 0.375, "kind": "heard", "text": "What is the capital of France?"},
        {
            "at": 0.5,
            "kind": "stages",
            "seconds": {"endpoint": 0.2104, "stt": 0.08, "voice to voice": 12.34},
        },
        {"at": 0.625, "kind": "reply", "text": "It is Paris."},
        {"at": 0.75, "kind": "reply", "text": "It lies\non the Seine."},
        {"at": 0.875, "kind": "cut", "text": "It is"},
        {"at": 1.0, "kind": "cut", "text": ""},
        {"at": 1.125, "kind": "notice", "text": "The microphone is gone."},
    ]


def test_each_line_is_flushed() -> None:
    raw = BytesIO()
    view = JsonView(TextIOWrapper(raw, encoding="utf-8"))
    view.heard("Hello?")
    assert raw.getvalue().endswith(b'"text": "Hello?"}\n')


def test_a_letter_that_the_locale_lacks_does_not_stop_the_talk() -> None:
    raw = BytesIO()
    out = TextIOWrapper(raw, encoding="ascii")
    PlainView(out).heard("café")
    assert raw.getvalue() == b"      you: caf?\n"


def test_text_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2J\x07b\r\n c\u202ed") == "a [2J b c d"


def test_a_reader_that_went_away_does_not_stop_the_talk() -> None:
    code = (
        "import sys, time\n"
        "from edgevoice.cli.view import open_view\n"
        "view = open_view(as_json=True)\n"
        "for number in range(1000): view.heard('x' * 1000)\n"
        "view.close()\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert writer.stdout
    writer.stdout.close()
    assert writer.stderr
    assert (writer.stderr.read(), writer.wait()) == (b"", 0)
    writer.stderr.close()


@pytest.mark.parametrize(("metered", "joules"), [(True, "2.5 J"), (False, "~2.5 J")])
def test_energy_that_was_not_metered_is_marked(metered: bool, joules: str) -> None:
    out = StringIO()
    PlainView(out).spent(1.24, 2.5, metered=metered)
    assert out.getvalue().strip() == f"spent: 1.2 s of processor, {joules}"
