from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgevoice.cli import main
from edgevoice.core.commands import PlayVoice
from edgevoice.core.events import Event
from edgevoice.core.trace_format import Header, encode, encode_header
from tests.sim import Simulation


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    sim = Simulation()
    sim.user_speaks(0.0, 1.0)
    sim.user_speaks(2.0, 3.0, "And the date?")
    sim.run()
    header = encode_header(Header(sim.rules, "off"))
    lines = [header, *(encode(item) for _, item in sim.log)]
    path = tmp_path / "talk.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def lines_of(trace: Path) -> list[str]:
    return trace.read_text(encoding="utf-8").splitlines()


def write(trace: Path, lines: list[str]) -> None:
    trace.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_trace_without_a_difference(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = [json.loads(line)["kind"] for line in lines_of(trace)[1:]]
    events = sum(kind in {event.__name__ for event in Event.__args__} for kind in kinds)
    assert main(["replay", str(trace)]) == 0
    printed = capsys.readouterr().out
    assert printed == f"{events} events, {len(kinds) - events} commands: no difference.\n"


def test_the_first_difference_is_shown_with_its_line(
    trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(trace)
    number = next(n for n, line in enumerate(lines) if "PlayVoice" in line)
    lines[number] = json.dumps(encode(PlayVoice(turn=7)))
    write(trace, lines)
    assert main(["replay", str(trace)]) == 1
    assert capsys.readouterr().out == (
        f"{trace}, line {number + 1}: the conversation decides otherwise.\n"
        "  in the trace: PlayVoice(turn=7)\n"
        "  now:          PlayVoice(turn=1)\n"
    )


def test_a_command_that_is_not_given_any_more(
    trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(trace)
    lines.insert(2, json.dumps(encode(PlayVoice(turn=7))))
    write(trace, lines)
    assert main(["replay", str(trace)]) == 1
    assert "line 3" in capsys.readouterr().out


def edited(lines: list[str], fault: str) -> list[str]:
    match fault:
        case "no header":
            return lines[1:]
        case "another version":
            return [lines[0].replace('"edgevoice_trace": 1', '"edgevoice_trace": 9'), *lines[1:]]
        case "a damaged line":
            return [*lines[:4], lines[4][:-5], *lines[5:]]
        case "an empty line":
            return [*lines[:4], "", *lines[4:]]
        case "an unknown kind":
            return [*lines[:4], '{"kind": "Sneeze", "at": 1.0}', *lines[4:]]
        case "a brace too deep":
            return [*lines[:4], "[" * 100_000, *lines[4:]]
    raise AssertionError(fault)


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("no header", "line 1: it is not the header of a trace."),
        ("another version", "line 1: it is a trace of version 9, and this is for version 1."),
        ("a damaged line", "line 5 is damaged."),
        ("an empty line", "line 5 is damaged."),
        ("an unknown kind", "line 5: there is no event or command Sneeze."),
        ("a brace too deep", "line 5 is damaged."),
    ],
)
def test_a_damaged_trace_is_named_in_one_line(
    trace: Path, capsys: pytest.CaptureFixture[str], fault: str, problem: str
) -> None:
    write(trace, edited(lines_of(trace), fault))
    assert main(["replay", str(trace)]) == 1
    assert capsys.readouterr().err == f"edgevoice replay: {trace}, {problem}\n"


def test_a_last_line_that_is_cut_off(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = trace.read_bytes()
    trace.write_bytes(content[:-9])
    assert main(["replay", str(trace)]) == 1
    number = len(lines_of(trace))
    assert capsys.readouterr().err == (
        f"edgevoice replay: {trace}, line {number} is cut off, "
        "the talk broke off while it was written.\n"
    )


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\n", b"RIFF\x00\x00"])
def test_what_is_no_trace_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_bytes(content)
    assert main(["replay", str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "talk.jsonl"
    assert main(["replay", str(path)]) == 1
    assert capsys.readouterr().err == (
        f"edgevoice replay: {path} cannot be read: No such file or directory.\n"
    )


def test_a_folder_is_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(tmp_path)]) == 1
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--loud"]])
def test_misuse(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["replay", *arguments])
    assert left.value.code == 2
    assert "usage" in capsys.readouterr().err
