"""Settings: what each key takes, and how wrong ones are named."""

import tomllib
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevoice.core.bundle import Role
from edgevoice.core.settings import KEYS, Settings, contradiction, describe, toml, with_value
from edgevoice.core.turn_taking import TurnTaking
from edgevoice.errors import Misused
from edgevoice.runtime.bundles import catalogue


def default(name: str) -> object:
    section, _, last = name.partition(".")
    return getattr(getattr(Settings(), section), last)


@pytest.mark.parametrize("name", KEYS)
def test_every_default_is_allowed(name: str) -> None:
    assert KEYS[name].admits(default(name))


@pytest.mark.parametrize("name", KEYS)
def test_every_key_is_explained_in_a_line(name: str) -> None:
    about = KEYS[name].about
    assert about.endswith(".")
    assert "\n" not in about


def test_the_defaults_go_together() -> None:
    assert contradiction(Settings()) == ""


def test_a_value_is_set_in_its_section_alone() -> None:
    settings = with_value(Settings(), "llm.context", 4096, "here")
    assert settings.llm.context == 4096
    assert settings.llm.bundle == Settings().llm.bundle
    assert settings.stt == Settings().stt


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("llm.context", "2048", 'must be a whole number from 256 to 131072 in steps of 256, not "'),
        ("llm.context", 128, "not 128."),
        ("llm.context", 2000, "in steps of 256, not 2000."),
        ("llm.context", 2048.0, "not 2048.0."),
        ("llm.context", True, "not true."),
        ("llm.temperature", 2.1, "must be a number from 0 to 2, not 2.1."),
        ("llm.temperature", float("nan"), "not nan."),
        ("llm.temperature", True, "not true."),
        ("llm.model", 7, "must be a text, not 7."),
        ("llm.model", {"name": "x"}, "not a table."),
        ("audio.latency", "medium", 'must be a number from 0.005 to 2 or "low" or "high", not "me'),
        ("audio.input", 1.5, "must be a whole number or a text, not 1.5."),
        ("trace.words", "yes", 'must be true or false, not "yes".'),
        ("trace.words", [1], "not a list."),
    ],
)
def test_a_wrong_value_is_met_with_what_is_allowed(name: str, value: object, said: str) -> None:
    with pytest.raises(Misused) as misused:
        with_value(Settings(), name, value, "edgevoice.toml, line 3")
    assert misused.value.problem.startswith(f"edgevoice.toml, line 3: {name} must be ")
    assert said in misused.value.problem


def test_a_whole_number_will_do_where_a_number_is_asked_for() -> None:
    assert with_value(Settings(), "llm.temperature", 1, "here").llm.temperature == 1


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("llm.contxt", "llm.context"),
        ("lmm.context", "llm.context"),
        ("stt.temperature", "llm.temperature"),
        ("temperature", "llm.temperature"),
        ("tts.seed", "llm.seed"),
        ("zeppelin", "edgevoice doctor --settings, which lists all"),
        ("llm", "[llm], and its keys under it"),
    ],
)
def test_an_unknown_key_is_met_with_the_nearest_known_one(name: str, nearest: str) -> None:
    with pytest.raises(Misused) as misused:
        with_value(Settings(), name, 1, "here")
    assert misused.value.hint == nearest


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"turn.sure_s": 2.0}, "turn.sure_s (2) must not exceed turn.unsure_s (1.3)."),
        ({"turn.unsure_below": 0.9}, "turn.unsure_below (0.9) must be less than"),
        ({"llm.max_tokens": 2048}, "llm.max_tokens (2048) must be less than llm.context (2048)."),
        ({"llm.url": "localhost:11434"}, "llm.url must begin with http:// or https://"),
        ({"llm.url": "http://localhost:11434/v1"}, ""),
    ],
)
def test_values_that_do_not_go_together_are_named(values: dict[str, object], said: str) -> None:
    settings = Settings()
    for name, value in values.items():
        settings = with_value(settings, name, value, "here")
    problem = contradiction(settings)
    assert problem.startswith(said)
    assert bool(problem) == bool(said)


def test_every_rule_of_turn_taking_can_be_set() -> None:
    assert {f"turn.{rule.name}" for rule in fields(TurnTaking)} <= KEYS.keys()
    assert with_value(Settings(), "turn.sure_s", 0.3, "here").turn.rules() == TurnTaking(sure_s=0.3)


def test_the_description_is_a_file_that_sets_the_same() -> None:
    settings = with_value(Settings(), "llm.system_prompt", 'Say "yes"\nor \\no\x7f.', "here")
    read = Settings()
    for section, content in tomllib.loads(describe(settings)).items():
        for last, value in content.items():
            read = with_value(read, f"{section}.{last}", value, "the description")
    assert read == settings


@pytest.mark.parametrize("name", KEYS)
def test_the_description_explains_every_key(name: str) -> None:
    section, _, last = name.partition(".")
    below = describe(Settings()).partition(f"[{section}]\n")[2]
    assert f"\n{last} = " in below
    assert KEYS[name].about in below


def test_the_description_lists_the_words_that_a_key_takes() -> None:
    assert 'Takes "off" or "prefill" or "draft".' in describe(Settings())


def test_a_server_takes_the_place_of_a_language_model() -> None:
    assert Role.LLM in Settings().bundles()
    served = with_value(Settings(), "llm.url", "http://127.0.0.1:1/v1", "here")
    assert Role.LLM not in served.bundles()


def test_the_default_bundles_are_those_of_the_catalogue() -> None:
    assert Settings().bundles() == {
        recipe.role: recipe.name for recipe in catalogue.catalogue().values() if recipe.default
    }


@given(st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text()))
def test_what_is_written_is_what_is_read(value: object) -> None:
    assert repr(tomllib.loads(f"value = {toml(value)}")["value"]) == repr(value)
