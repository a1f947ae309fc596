"""Reading edgevoice.toml and --set: places, overrides, and what is said of mistakes."""

from pathlib import Path

import pytest

from edgevoice.core.settings import Settings, describe
from edgevoice.errors import Misused
from edgevoice.runtime.settings_file import read


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with an empty home, in an empty folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path / "home"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def misuse(path: Path | None, *overrides: str) -> Misused:
    with pytest.raises(Misused) as misused:
        read(path, overrides)
    return misused.value


def test_without_a_file_the_defaults_hold() -> None:
    assert read(None, []) == Settings()


def test_the_file_here_comes_before_the_one_of_the_user(home: Path) -> None:
    write(home / ".config/edgevoice/edgevoice.toml", "[llm]\nseed = 1")
    assert read().llm.seed == 1
    write(Path("edgevoice.toml"), "[llm]\nseed = 2")
    assert read().llm.seed == 2


def test_a_named_file_comes_before_both(tmp_path: Path) -> None:
    write(Path("edgevoice.toml"), "[llm]\nseed = 2")
    assert read(write(tmp_path / "mine.toml", "[llm]\nseed = 3")).llm.seed == 3


def test_the_folder_for_configuration_may_be_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "etc/edgevoice/edgevoice.toml", "[llm]\nseed = 4")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "etc"))
    assert read().llm.seed == 4


def test_the_described_file_reads_as_what_it_describes(tmp_path: Path) -> None:
    settings = read(None, ["llm.context=4096", "audio.input=3", "turn.sure_s=0.3"])
    assert read(write(tmp_path / "all.toml", describe(settings))) == settings


@pytest.mark.parametrize(
    ("override", "section", "name", "value"),
    [
        ("llm.context=4096", "llm", "context", 4096),
        ("llm.context = 4_096", "llm", "context", 4096),
        ("llm.temperature=0", "llm", "temperature", 0),
        ("trace.words=true", "trace", "words", True),
        ("stt.bundle=whisper-tiny-en", "stt", "bundle", "whisper-tiny-en"),
        ("llm.model=7b", "llm", "model", "7b"),
        ("llm.model=2024", "llm", "model", "2024"),
        ('llm.model="quoted"', "llm", "model", "quoted"),
        ("llm.model=", "llm", "model", ""),
        ("llm.url=http://[::1]:80/v1?a=b", "llm", "url", "http://[::1]:80/v1?a=b"),
        (
            "llm.system_prompt=Be brief. # not a comment",
            "llm",
            "system_prompt",
            "Be brief. # not a comment",
        ),
        ("audio.input=1\nseed = 3", "audio", "input", "1\nseed = 3"),
        ("audio.input=2", "audio", "input", 2),
        ("audio.input=USB Mic", "audio", "input", "USB Mic"),
        ("audio.latency=0.1", "audio", "latency", 0.1),
    ],
)
def test_an_override_is_a_toml_value_or_bare_text(
    override: str, section: str, name: str, value: object
) -> None:
    read_value = getattr(getattr(read(None, [override]), section), name)
    assert (read_value, type(read_value)) == (value, type(value))


def test_an_override_comes_over_the_file_and_the_last_one_wins(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.toml", "[llm]\nseed = 1\ncontext = 1024")
    settings = read(path, ["llm.seed=2", "llm.seed=3"])
    assert (settings.llm.seed, settings.llm.context) == (3, 1024)


def test_a_home_folder_is_found_in_paths_alone(home: Path) -> None:
    settings = read(None, ["trace.file=~/talk.jsonl", "llm.system_prompt=~"])
    assert settings.trace.file == str(home / "talk.jsonl")
    assert settings.llm.system_prompt == "~"


@pytest.mark.parametrize(
    ("text", "line", "problem", "hint"),
    [
        ("# mine\n[llm]\ncontxt = 1", 3, "there is no setting llm.contxt.", "llm.context"),
        ("[stt]\nthreads = 2\n\n[lmm]\nthreads=1", 5, "no setting lmm.threads.", "llm.threads"),
        ("[llm]\nseed = 1\n[tts]\nseed = 1", 4, "no setting tts.seed.", "llm.seed"),
        ("llm.contxt = 1", 1, "no setting llm.contxt.", "llm.context"),
        ('[llm]\n"contxt" = 1', 2, "no setting llm.contxt.", "llm.context"),
        ("\n[climate]", 2, "no setting climate.", "edgevoice doctor --settings, which lists all"),
        ("seed = 1", 1, "no setting seed.", "llm.seed"),
        ("llm = 3", 1, "llm is a section, not a key.", "[llm], and its keys under it"),
        ("[[llm]]\nseed = 1", 0, "llm is a section", "[llm], and its keys under it"),
        ("[llm.context]\ntokens = 3", 1, "llm.context must be a whole number", ""),
        ('[llm]\ncontext = "big"', 2, "llm.context must be a whole number from 256", ""),
        ("[llm]\ncontext = 2026-11-22", 2, "not 2026-11-22.", ""),
    ],
)
def test_a_mistake_is_shown_with_its_place(
    tmp_path: Path, text: str, line: int, problem: str, hint: str
) -> None:
    path = write(tmp_path / "mine.toml", text)
    misused = misuse(path)
    assert misused.problem.startswith(f"{path}, line {line}: " if line else f"{path}: ")
    assert problem in misused.problem
    assert misused.hint == hint
    assert misused.exit_code == 2


def test_an_empty_section_is_no_mistake(tmp_path: Path) -> None:
    assert read(write(tmp_path / "mine.toml", "\ufeff[llm]\n[stt]\n")) == Settings()


def test_values_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.toml", "[turn]\nsure_s = 3\nunsure_s = 4")
    assert read(path).turn.sure_s == 3
    assert "must not exceed" in misuse(path, "turn.unsure_s=1").problem


def test_a_broken_file_is_named_with_the_place(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.toml", "[llm]\ncontext = = 3")
    assert misuse(path).problem.startswith(f"{path} is not TOML: ")
    assert "line 2" in misuse(path).problem


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe[\x00")
    assert misuse(path).problem == f"{path} is not a text in UTF-8."


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert misuse(path).problem == f"{path} cannot be read: No such file or directory."
    assert misuse(tmp_path).problem == f"{tmp_path} cannot be read: Is a directory."


def test_an_override_without_a_value_is_refused() -> None:
    assert misuse(None, "llm.context").problem == "--set llm.context sets nothing."
    assert "--set llm.contxt=1: there is" in misuse(None, "llm.contxt=1").problem
