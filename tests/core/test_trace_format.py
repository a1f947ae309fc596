from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import fields
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgevoice.core.commands import Command, Generate, SetTimer
from edgevoice.core.events import Event, SpeechStarted, TranscriptReady, WordsHeard
from edgevoice.core.history import Message
from edgevoice.core.trace_format import (
    KINDS,
    Header,
    NotATrace,
    decode,
    decode_header,
    encode,
    encode_header,
    is_private,
)
from edgevoice.core.turn_taking import TurnTaking
from edgevoice.core.words import Look

EVENTS_AND_COMMANDS = [*get_args(Event), *get_args(Command)]
TIMES = st.floats(0, 1e6)


def anything(kind: type) -> st.SearchStrategy[Any]:
    """Any ``kind`` with any content; ``...`` lets hypothesis look at the type."""
    return st.builds(kind, **{f.name: TIMES if f.type == "float" else ... for f in fields(kind)})


def through_json(line: dict[str, Any]) -> object:
    return json.loads(json.dumps(line, ensure_ascii=False))


@pytest.mark.parametrize("kind", EVENTS_AND_COMMANDS, ids=lambda kind: kind.__name__)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_each_event_and_command_comes_back(kind: type, data: st.DataObject) -> None:
    item = data.draw(anything(kind))
    assert decode(through_json(encode(item, words=True))) == item


@pytest.mark.parametrize("kind", EVENTS_AND_COMMANDS, ids=lambda kind: kind.__name__)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_without_words_all_else_comes_back(kind: type, data: st.DataObject) -> None:
    item = data.draw(anything(kind))
    back = decode(through_json(encode(item)))
    for field in fields(kind):
        kept = field.default if is_private(field) else getattr(item, field.name)
        assert getattr(back, field.name) == kept


def test_the_names_of_events_and_commands_differ() -> None:
    assert len(KINDS) == len(EVENTS_AND_COMMANDS)


@pytest.mark.parametrize(
    "item",
    [
        TranscriptReady(1.0, 1, Look(words=1), "secret"),
        Generate(1, (Message("user", "secret"),)),
    ],
)
def test_what_was_said_is_left_out_unless_asked_for(item: Event | Command) -> None:
    assert "secret" not in json.dumps(encode(item))
    assert "secret" in json.dumps(encode(item, words=True))


def test_what_else_is_text_is_the_programs_own() -> None:
    texts = {
        f"{kind.__name__}.{field.name}"
        for kind in EVENTS_AND_COMMANDS
        for field in fields(kind)
        if not is_private(field) and field.type not in {"float", "int", "Look"}
    }
    assert texts == {
        *("JobFailed.stage", "SetTimer.name", "TimerFired.name", "EnergySpent.source"),
        *("SpeculationChanged.speculation", "ModelChanged.stage", "ModelChanged.bundle"),
    }


def test_a_line() -> None:
    line = {"kind": "SpeechStarted", "at": 1.5, "since": 1.25}
    assert encode(SpeechStarted(at=1.5, since=1.25)) == line


def test_a_whole_number_is_a_time_too() -> None:
    assert decode({"kind": "SetTimer", "name": "turn end", "at": 1}) == SetTimer("turn end", 1.0)


HEARD = {"kind": "WordsHeard", "at": 1.0, "turn": 1, "clause": 0, "words": 2}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ([], "it is neither an event nor a command"),
        ({}, "it is neither an event nor a command"),
        ({"kind": 3}, "it is neither an event nor a command"),
        ({"kind": "Sneeze"}, "there is no event or command Sneeze"),
        ({"kind": "Look", "words": 1}, "there is no event or command Look"),
        ({**HEARD, "mood": "good"}, "WordsHeard has no field mood"),
        ({"kind": "SpeechStarted", "at": 1.0}, "SpeechStarted lacks its field since"),
        ({**HEARD, "words": "2"}, "WordsHeard.words is '2'"),
        ({**HEARD, "words": 2.0}, "WordsHeard.words is 2.0"),
        ({**HEARD, "words": True}, "WordsHeard.words is True"),
        ({**HEARD, "at": None}, "WordsHeard.at is None"),
        ({**HEARD, "at": math.nan}, "WordsHeard.at is nan"),
        ({**HEARD, "at": math.inf}, "WordsHeard.at is inf"),
        (
            {"kind": "TranscriptReady", "at": 1.0, "turn": 1, "look": 1},
            "TranscriptReady.look is 1",
        ),
        (
            {"kind": "Prefill", "turn": 1, "messages": [{"role": "cat", "text": ""}]},
            "Message.role is 'cat'",
        ),
    ],
)
def test_a_line_that_is_none_is_refused(line: object, problem: str) -> None:
    with pytest.raises(NotATrace) as refused:
        decode(line)
    assert str(refused.value) == problem


def test_a_good_line_is_not_refused() -> None:
    assert decode(HEARD) == WordsHeard(1.0, 1, 0, 2)


HEADER = Header(TurnTaking(sure_s=0.3), "draft")


def test_the_header_comes_back() -> None:
    assert decode_header(through_json(encode_header(HEADER))) == HEADER


LINE = encode_header(HEADER)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({}, "it is not the header of a trace"),
        ("edgevoice_trace", "it is not the header of a trace"),
        (HEARD, "it is not the header of a trace"),
        (
            {"edgevoice_trace": 2, "anything": "else"},
            "it is a trace of version 2, and this is for version 1",
        ),
        ({**LINE, "speculation": "wild"}, "Header.speculation is 'wild'"),
        ({**LINE, "rules": {}}, None),
        ({**LINE, "rules": {**LINE["rules"], "sure_s": 9.0}}, "sure_s must not exceed unsure_s"),
        (
            {**LINE, "rules": {**LINE["rules"], "partial_growth": 0.9}},
            "first_partial_s and partial_every_s must be over 0, partial_growth at least 1",
        ),
        (
            {**LINE, "rules": {**LINE["rules"], "unsure_below": 0.9}},
            "unsure_below must be less than sure_above",
        ),
    ],
)
def test_a_header_that_is_none_is_refused(line: object, problem: str | None) -> None:
    with pytest.raises(NotATrace) as refused:
        decode_header(line)
    assert problem in {None, str(refused.value)}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    kind=st.sampled_from(sorted(KINDS)),
    values=st.dictionaries(
        st.sampled_from(["at", "turn", "look", "text", "messages", "name", "clause", "words"]), JSON
    ),
)
def test_any_line_is_decoded_or_refused(kind: str, values: dict[str, Any]) -> None:
    with suppress(NotATrace):
        decode({"kind": kind, **values})
