"""The view that fills a terminal: what it draws, and how it gives the terminal back."""

import re
import signal
import time
from io import StringIO

import pytest
from rich.console import Console
from rich.text import Text

from edgevoice.cli import terminal
from edgevoice.cli.screen import Screen
from edgevoice.cli.terminal import TerminalView
from tests.cli.emulator import Terminal

TALK = """
import os, signal, sys, threading
from edgevoice.cli.view import open_view

# A shell lets its background jobs, and so the tests in one, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

view = open_view(models=["moonshine-tiny-en", "smollm2-135m"])
try:
    view.phase("speaking")
    view.level(-20.0)
    view.heard("What is the capital of France?")
    view.reply("It is Paris.")
    view.reply("It lies on the \\x1b[31mSeine\\a.")
    view.cut("It is Paris. It lies")
    os.write(2, b"ALSA lib: chatter\\n")
    view.stages({"endpoint": 0.2, "llm": 0.3, "voice to voice": 0.5})
    threading.Event().wait()
except KeyboardInterrupt:
    sys.exit(130)
finally:
    view.close()
"""


def ready(it: Terminal) -> bool:
    return "500 ms" in it.screen


def test_a_talk_is_drawn() -> None:
    with Terminal(TALK, 80, 24) as it:
        it.read_until(lambda: ready(it))
        assert "● speaking" in it.screen
        assert "you ▌ What is the capital of France?" in it.screen
        assert "edgevoice ▏ It is Paris. It lies — on the [31mSeine ." in it.screen
        assert "chatter" not in it.output
        assert not it.echoes


def test_ctrl_c_leaves_a_clean_terminal_and_what_was_said() -> None:
    with Terminal(TALK, 80, 24) as it:
        it.read_until(lambda: ready(it))
        it.child.send_signal(signal.SIGINT)
        assert it.finish() == 130
        assert it.output.count("\x1b[?1049h") == it.output.count("\x1b[?1049l") == 1
        assert it.output.rfind("\x1b[?25h") > it.output.rfind("\x1b[?25l")
        assert it.echoes
        assert it.left == (
            "ALSA lib: chatter\n"
            "       you ▌ What is the capital of France?\n"
            " edgevoice ▏ It is Paris. It lies — on the [31mSeine .\n"
        )


def test_a_resized_terminal_is_filled_again() -> None:
    with Terminal(TALK, 80, 24) as it:
        it.read_until(lambda: ready(it))
        it.resize(44, 20)
        it.read_until(lambda: it.screen.splitlines()[0] == " edgevoice" + " " * 22 + "● speaking")
        assert " ▏ It is Paris. It lies — on the [31mSeine" in it.screen


def test_no_color_is_obeyed() -> None:
    with Terminal(TALK, 80, 24, {"NO_COLOR": "1"}) as it:
        it.read_until(lambda: ready(it))
        assert not re.search(r"\x1b\[(\d+;)*[349]\dm", it.output)
        assert "\x1b[1m" in it.output
    with Terminal(TALK, 80, 24) as it:
        it.read_until(lambda: ready(it))
        assert "\x1b[36m" in it.output


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "latin-1"}])
def test_a_terminal_that_can_do_less_gets_plain_lines(environment: dict[str, str]) -> None:
    with Terminal(TALK, 80, 24, environment) as it:
        it.read_until(lambda: "chatter" in it.output)
        assert "edgevoice: It is Paris.\r\n" in it.output
        assert "\x1b" not in it.output


def test_a_talk_that_is_typed_gets_plain_lines_without_what_was_typed() -> None:
    code = TALK.replace("open_view(", "open_view(typed=True, ")
    with Terminal(code, 80, 24) as it:
        it.read_until(lambda: "chatter" in it.output)
        assert "edgevoice: It is Paris.\r\n" in it.output
        assert "What is the capital" not in it.output
        assert it.echoes


def test_all_is_written_anew_on_a_terminal_of_another_size() -> None:
    out = StringIO()
    console = virtual(out)
    screen = Screen(console)
    screen.draw([Text("one"), Text("two")])
    out.truncate(0)
    console.width = 50
    screen.draw([Text("one"), Text("two")])
    assert out.getvalue().lstrip("\x00") == "\x1b[1;1Hone\x1b[K\x1b[2;1Htwo\x1b[K"


def virtual(out: StringIO) -> Console:
    return Console(file=out, force_terminal=True, width=60, height=12, color_system=None)


def test_only_lines_that_changed_are_written() -> None:
    out = StringIO()
    screen = Screen(virtual(out))
    screen.draw([Text("one"), Text("two")])
    out.truncate(0)
    screen.draw([Text("one"), Text("2")])
    assert out.getvalue().lstrip("\x00") == "\x1b[2;1H2\x1b[K"
    out.truncate(0)
    screen.draw([Text("one"), Text("2")])
    assert out.getvalue() == ""
    screen.draw([Text("one"), Text("2")], anew=True)
    assert out.getvalue().lstrip("\x00") == "\x1b[1;1Hone\x1b[K\x1b[2;1H2\x1b[K"


def test_levels_do_not_hurry_the_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "FRAME_S", 3600.0)
    out = StringIO()
    view = TerminalView(virtual(out))
    for _ in range(50):
        view.level(-30.0)
        time.sleep(0.001)
    view.close()
    meter = "\x1b[2;1H"
    assert out.getvalue().count(meter) <= 1


def test_closing_twice_is_the_same_as_once() -> None:
    out = StringIO()
    view = TerminalView(virtual(out))
    view.heard("Hello?")
    view.close()
    closed = out.getvalue()
    view.close()
    assert out.getvalue() == closed
    assert closed.count("\x1b[?1049l") == 1


def test_a_reply_that_is_written_after_a_cut_is_another_one() -> None:
    out = StringIO()
    view = TerminalView(virtual(out))
    view.reply("One.")
    view.cut("")
    view.reply("Two.")
    view.close()
    left = out.getvalue().rpartition("\x1b[?1049l")[2]
    assert [line.split("▏ ")[1] for line in left.splitlines()] == ["— One.", "Two."]


class Gone(StringIO):
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_terminal_that_went_away_does_not_stop_the_talk() -> None:
    console = virtual(StringIO())
    view = TerminalView(console)
    console.file = Gone()
    view.heard("Hello?")
    view.level(-20.0)
    view.close()
