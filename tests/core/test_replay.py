"""A trace of any talk replays without a difference, with its words or without."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edgevoice.core.commands import CancelTurn, Command, HoldVoice, PlayVoice
from edgevoice.core.events import (
    ClauseHeard,
    EnergySpent,
    Event,
    ModelChanged,
    SpeculationChanged,
    TimerFired,
    WordsHeard,
)
from edgevoice.core.replay import Difference, replay
from edgevoice.core.speculation import Speculation
from edgevoice.core.trace_format import Header, decode, encode
from tests.sim import RULES, Simulation

Items = list[Event | Command]


def header(speculation: Speculation = "off", **rules: float) -> Header:
    return Header(replace(RULES, **rules), speculation)


def a_talk(speculation: Speculation = "off", *, words: bool = False) -> Items:
    sim = Simulation([["One two three.", "Four five."], ["Six."]], speculation=speculation)
    sim.user_speaks(0.0, 0.9, "What is", probability=0.01)
    sim.user_speaks(1.4, 2.0, "the time?")
    sim.user_speaks(2.8, 3.0, "Mhm.")
    sim.user_speaks(3.4, 4.4, "No, the date.")
    sim.user_speaks(5.1, 5.3, "Stop!")
    sim.post(SpeculationChanged(8.0, "prefill", 2.0))
    sim.post(ModelChanged(8.0, "llm", "another"))
    sim.post(EnergySpent(8.0, 1, 0.5, 0.5, "modelled"))
    sim.user_types(12.0, "Hello")
    sim.breaks("llm", job=4)
    sim.input_ends(20.0)
    items = [item for _, item in sim.run().log]
    return [decode(json.loads(json.dumps(encode(item, words=words)))) for item in items]


@pytest.mark.parametrize("speculation", ["off", "prefill", "draft"])
@pytest.mark.parametrize("words", [True, False])
def test_a_talk_replays_without_a_difference(speculation: Speculation, words: bool) -> None:
    assert replay(header(speculation), a_talk(speculation, words=words)) is None


def test_a_trace_without_events_has_no_difference() -> None:
    assert replay(header(), []) is None


def at(items: Items, kind: type) -> int:
    return next(index for index, item in enumerate(items) if isinstance(item, kind))


def test_another_command_is_a_difference() -> None:
    items = a_talk()
    place = at(items, HoldVoice)
    items[place] = HoldVoice(turn=99)
    assert replay(header(), items) == Difference(place, HoldVoice(turn=99), HoldVoice(turn=2))


def test_a_missing_command_is_a_difference() -> None:
    items = a_talk()
    place = at(items, PlayVoice)
    gone = items.pop(place)
    assert replay(header(), items) == Difference(place, None, PlayVoice(turn=2))
    assert gone == PlayVoice(turn=2)


def test_a_command_too_many_is_a_difference() -> None:
    items = a_talk()
    place = at(items, PlayVoice) + 1
    items.insert(place, CancelTurn(turn=1))
    assert replay(header(), items) == Difference(place, CancelTurn(turn=1), None)


def test_a_trace_that_ends_within_a_step_is_a_difference() -> None:
    items = a_talk()
    place = at(items, PlayVoice)
    assert replay(header(), items[:place]) == Difference(place, None, PlayVoice(turn=2))


def test_a_missing_event_is_a_difference() -> None:
    items = a_talk()
    del items[at(items, TimerFired)]
    assert replay(header(), items) is not None


def test_other_rules_are_a_difference() -> None:
    difference = replay(header(sure_s=0.5), a_talk())
    assert difference
    assert difference.expected


def test_facts_that_cannot_be_are_harmless() -> None:
    items: Items = [ClauseHeard(0.0, 1, 7), WordsHeard(0.0, 1, -1, 3)]
    assert replay(header(), items) is None
