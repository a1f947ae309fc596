from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgevoice.errors import Misused
from edgevoice_quantize import recipe, techniques

GOOD = """
name = "mine"
role = "stt"
engine = "whisper-onnx"
summary = "all in int8"

[[step]]
files = "*.f32.onnx"
technique = "onnx_int8_dynamic"
options = { per_channel = false }
becomes = "{stem}.int8.onnx"
"""


def written(folder: Path, text: str) -> str:
    file = folder / "mine.toml"
    file.write_text(text, "utf-8")
    return str(file)


def test_a_recipe_is_read_from_a_file(tmp_path: Path) -> None:
    found = recipe.load(written(tmp_path, GOOD))
    assert (found.name, found.role, found.engine) == ("mine", "stt", "whisper-onnx")
    (step,) = found.steps_for("encoder.f32.onnx")
    assert step.options == {"per_channel": False}
    assert step.new_name("encoder.f32.onnx") == "encoder.int8.onnx"
    assert found.steps_for("tokens.txt") == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "mine"', "", "'name' is missing"),
        ('role = "stt"', 'role = "ears"', "no role 'ears'"),
        ('summary = "all', 'sumary = "all', "no key 'sumary'"),
        ('technique = "onnx_int8_dynamic"', 'technique = "magic"', "no technique 'magic'"),
        ('technique = "onnx_int8_dynamic"', "", "'technique' is missing"),
        ("per_channel = false", "per_chanel = false", "no option 'per_chanel'"),
        ("per_channel = false", 'per_channel = "yes"', "per_channel of onnx_int8_dynamic"),
        ("options = { per_channel = false }", "options = 3", "options are a table"),
        ("[[step]]", "[step]", "steps are written as"),
        ("[[step]]", "[[step", "cannot be read"),
        ("files = ", "file = ", "no key 'file'"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_told_in_a_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    with pytest.raises(Misused) as refused:
        recipe.load(written(tmp_path, GOOD.replace(old, new)))
    assert told in refused.value.problem
    assert "\n" not in refused.value.problem


def test_a_recipe_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(Misused, match="There is no recipe stt-int9") as refused:
        recipe.load("stt-int9")
    assert "stt-int8" in refused.value.hint


@pytest.mark.parametrize("name", recipe.built_in())
def test_the_built_in_recipes_are_sound(name: str) -> None:
    found = recipe.load(name)
    assert found.name == name
    assert found.summary
    assert name.startswith(f"{found.role}-")
    assert all(found.steps_for(step.files.replace("*", "x")) for step in found.steps)


def test_a_fingerprint_follows_what_is_made_and_not_its_name(tmp_path: Path) -> None:
    def fingerprint(text: str) -> str:
        return recipe.load(written(tmp_path, text)).fingerprint()

    assert fingerprint(GOOD) == fingerprint(GOOD.replace('"mine"', '"yours"'))
    assert fingerprint(GOOD) != fingerprint(GOOD.replace("per_channel = false", ""))
    assert fingerprint(GOOD) != fingerprint(GOOD.replace("*.f32.onnx", "decoder*"))


def test_a_technique_of_another_version_gives_another_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = recipe.load(written(tmp_path, GOOD))
    before = found.fingerprint()
    module: Any = techniques.find("onnx_int8_dynamic")
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    assert found.fingerprint() != before


@pytest.mark.parametrize("name", techniques.TECHNIQUES)
def test_every_technique_has_what_the_table_promises(name: str) -> None:
    technique = techniques.find(name)
    assert technique.VERSION >= 1
    assert technique.MEMORY > 0
    assert techniques.complete(name, {}) == technique.OPTIONS
