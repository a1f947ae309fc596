"""What the conversation makes of the governor's changes: between turns, and in their middle."""

import pytest

from edgevoice.core.commands import Generate, Prefill, TranscribePartial
from edgevoice.core.conversation import Phase
from edgevoice.core.events import HistoryTrimmed, ModelChanged, SpeculationChanged
from edgevoice.core.speculation import Speculation, lesser
from tests.sim import Simulation, instants

LEVELS: tuple[Speculation, ...] = ("off", "prefill", "draft")


def test_the_lesser_of_two() -> None:
    assert lesser("off", "draft") == "off"
    assert lesser("draft", "prefill") == "prefill"
    assert lesser("draft", "draft") == "draft"


@pytest.mark.parametrize("level", LEVELS)
def test_a_new_llm_reads_what_was_said(level: Speculation) -> None:
    sim = Simulation(speculation=level)
    sim.user_speaks(0.0, 1.0)
    sim.post(ModelChanged(20.0, "llm", "another"))
    sim.run()
    (read,) = (item for at, item in sim.log if isinstance(item, Prefill) and at == 20.0)
    assert [message.role for message in read.messages] == ["system", "user", "assistant"]


def test_a_new_llm_in_the_middle_of_a_turn_is_given_nothing_to_read() -> None:
    sim = Simulation()
    sim.user_speaks(0.0, 3.0)
    sim.post(ModelChanged(1.0, "llm", "another"))
    assert sim.run().when(Prefill) == []


def test_other_models_have_nothing_to_read() -> None:
    sim = Simulation()
    sim.user_speaks(0.0, 1.0)
    sim.post(ModelChanged(20.0, "tts", "another"))
    assert sim.run().when(Prefill) == []


def test_a_new_llm_sees_again_what_the_one_before_had_no_room_for() -> None:
    sim = Simulation([["One."], ["Two."], ["Three."]])
    for start in (0.0, 20.0, 50.0):
        sim.user_speaks(start, start + 1.0, f"Question at {start}?")
    sim.post(HistoryTrimmed(30.0, 3, 0))
    sim.post(ModelChanged(40.0, "llm", "another"))
    sim.run()
    assert [len(asked.messages) for asked in sim.of(Generate)] == [2, 4, 6]


@pytest.mark.parametrize("instant", instants(0.0, 8.0, 0.25))
@pytest.mark.parametrize("level", LEVELS)
def test_speculation_may_change_at_any_instant(level: Speculation, instant: float) -> None:
    sim = Simulation(speculation=level)
    sim.user_speaks(0.0, 3.0)
    sim.user_speaks(7.0, 9.0)
    for later, changed in enumerate(LEVELS):
        sim.post(SpeculationChanged(instant + later / 8, changed, 2.0))
    sim.run()
    assert sim.conversation.phase is Phase.IDLE


def partials(*changes: SpeculationChanged) -> list[float]:
    sim = Simulation(speculation="prefill")
    sim.user_speaks(0.0, 5.9)
    for change in changes:
        sim.post(change)
    return sim.run().when(TranscribePartial)


def test_speculation_that_is_switched_off_ends_in_the_middle_of_an_utterance() -> None:
    assert [at for at in partials() if at > 2.0]
    assert not [at for at in partials(SpeculationChanged(2.0, "off", 2.0)) if at > 2.0]


def test_partial_transcripts_come_as_often_as_is_ordered() -> None:
    seldom = partials(SpeculationChanged(0.0, "prefill", 2.0))
    assert seldom == [0.8, 1.6, 3.2]
    assert len(partials(SpeculationChanged(0.0, "prefill", 0.0))) < 25
