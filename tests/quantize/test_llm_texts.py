"""Texts as a model reads them: what is judged of a talk, and what of prose."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from edgevoice.core.history import Message
from edgevoice.errors import EdgeVoiceError
from edgevoice_quantize import held_out, tasks
from edgevoice_quantize.llm_texts import MOST_TOKENS, Reading, lay_out, read


class Letters:
    """A token is a letter; a message begins with its role's."""

    end = 0

    def render(self, messages: Sequence[Message]) -> list[int]:
        said = "".join(f"{m.role[0].upper()}{m.text}\0" for m in messages if m.role != "system")
        return self.encode(said + "A")

    def encode(self, text: str) -> list[int]:
        return [ord(letter) for letter in text]


class Forgetful(Letters):
    """Leaves out of a talk what the assistant said before, as templates do with its thoughts."""

    def render(self, messages: Sequence[Message]) -> list[int]:
        return super().render([m for m in messages if m.role != "assistant"])


def judged(reading: Reading) -> str:
    pairs = zip(reading.tokens, reading.judged, strict=True)
    return "".join(chr(token) if is_judged else "." for token, is_judged in pairs)


def test_of_a_talk_the_replies_are_judged_with_their_ends() -> None:
    assert judged(lay_out("> hi\nyes", Letters())) == ".....yes\0"
    assert judged(lay_out("> hi\nyes\n> so\nno", Letters())) == ".....yes\0.....no\0"


def test_a_reply_that_the_template_forgets_is_not_judged() -> None:
    assert judged(lay_out("> hi\nyes\n> so\nno", Forgetful())) == ".........no\0"


def test_prose_is_judged_whole_and_what_is_long_is_cut() -> None:
    assert judged(lay_out("It rains.", Letters())) == "It rains."
    assert len(lay_out("x" * 2000, Letters()).tokens) == MOST_TOKENS


def test_texts_are_read_from_files_and_parted_by_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("> hi\r\nyes\r\n\r\n\r\nSome prose\r\nof two lines.\r\n")
    (tmp_path / "b.txt").write_text("> hi\nno\n")
    (tmp_path / "c.md").write_text("not this")
    found = {item.name: item.text for item in read(tmp_path)}
    assert found == {"hi": "> hi\nno", "Some prose": "Some prose\nof two lines."}
    assert [item.name for item in read(tmp_path / "b.txt")] == ["hi"]


@pytest.mark.parametrize(
    ("data", "says"), [(None, "There is no text"), (b"\xff\xfe", "not a text in UTF-8")]
)
def test_data_without_text_are_refused(tmp_path: Path, data: bytes | None, says: str) -> None:
    if data:
        (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(EdgeVoiceError, match=says):
        read(tmp_path)


def test_the_package_brings_talks_enough_for_both_parts() -> None:
    calibration, judged_by = held_out.split(read(None))
    assert min(len(calibration.items), len(judged_by.items)) >= 40


def test_no_task_is_asked_whose_answer_may_have_been_calibrated_on() -> None:
    calibration, _ = held_out.split(read(None))
    assert not {item.name for item in calibration.items} & set(tasks.held_out())
    assert len(tasks.held_out()) >= 20
