"""Work ahead of the turn's end: it never makes a sound, and never writes history."""

from __future__ import annotations

from itertools import pairwise

import pytest

from edgevoice.core.commands import (
    CancelTurn,
    Generate,
    HoldVoice,
    PlayVoice,
    Prefill,
    Speak,
    TranscribePartial,
)
from edgevoice.core.conversation import APOLOGIES, Conversation, Phase
from edgevoice.core.events import ClauseHeard, SessionBegan, VoiceStarted, WordsStable
from edgevoice.core.speculation import Speculation
from tests.sim import QUESTION, Pace, Simulation, instants

LEVELS: tuple[Speculation, ...] = ("off", "prefill", "draft")
FAST = Pace(stt_s=0.02, turn_s=0.01, llm_s=0.02, clause_s=0.01, tts_s=0.01)
"""So fast that the whole reply lies ready before the turn's end."""

REPLIES = [["The first reply."], ["The second reply."], ["The third reply."]]


def paused(
    pauses: list[float],
    level: Speculation,
    *,
    probability: float = 0.01,
    pace: Pace = FAST,
    speech_s: float = 0.6,
) -> Simulation:
    """A sentence with pauses in it, at each of which the turn-end model gives ``probability``."""
    sim = Simulation(REPLIES, speculation=level, pace=pace)
    begin = 0.0
    for number, pause in enumerate(pauses):
        sim.user_speaks(begin, begin + speech_s, f"part {number}", probability=probability)
        begin += speech_s + pause
    sim.user_speaks(begin, begin + speech_s, "and the end.", probability=0.999)
    return sim.run()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("pause", instants(0.05, 1.15, every=0.025))
@pytest.mark.parametrize("pace", [FAST, Pace()], ids=["fast lanes", "slow lanes"])
def test_a_wrong_guess_is_neither_heard_nor_remembered(
    level: Speculation, pause: float, pace: Pace
) -> None:
    sim = paused([pause], level, pace=pace)
    assert len(sim.when(VoiceStarted)) == len(sim.when(PlayVoice)) == 1
    assert sim.when(HoldVoice) == []
    (user, reply) = sim.said
    assert user == ("user", "part 0 and the end.")
    assert reply[1] == sim.heard


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("first", instants(0.1, 1.1, every=0.2))
@pytest.mark.parametrize("second", instants(0.1, 1.1, every=0.2))
@pytest.mark.parametrize("third", [0.3, 0.9])
def test_no_number_of_pauses_makes_a_wrong_guess_heard(
    level: Speculation, first: float, second: float, third: float
) -> None:
    sim = paused([first, second, third], level)
    assert len(sim.when(VoiceStarted)) == 1
    assert sim.said[0] == ("user", "part 0 part 1 part 2 and the end.")
    assert len(sim.said) == 2


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("resumed", instants(0.01, 0.6, every=0.01))
@pytest.mark.parametrize("timers_first", [True, False])
def test_the_user_may_go_on_at_any_instant_before_the_voice(
    level: Speculation, resumed: float, timers_first: bool
) -> None:
    sim = Simulation(REPLIES, speculation=level, timers_first=timers_first)
    sim.user_speaks(0.0, 1.0, "Remind me", probability=0.999)
    sim.user_speaks(1.0 + resumed, 2.5, "to call my mother.", probability=0.999)
    sim.run()
    whole = ("user", "Remind me to call my mother.")
    first_voice = sim.when(VoiceStarted)[0]
    assert (sim.said[0] == whole) == (first_voice > 1.0 + resumed)
    assert sim.heard == " ".join(text for who, text in sim.said if who == "assistant")


@pytest.mark.parametrize("level", ["off", "prefill"])
def test_nothing_is_written_before_the_turn_is_over_unless_drafts_are_wanted(
    level: Speculation,
) -> None:
    sim = paused([0.9], level)
    assert sim.when(Generate) == sim.when(PlayVoice)


def test_a_draft_is_begun_as_soon_as_the_words_are_known() -> None:
    sim = Simulation(speculation="draft")
    sim.user_speaks(0.0, 1.0)
    assert sim.run().when(Generate) == [1.1]


def test_a_right_guess_is_not_made_again() -> None:
    sim = Simulation(speculation="draft")
    sim.user_speaks(0.0, 1.0)
    assert len(sim.run().when(Generate)) == 1
    assert sim.when(CancelTurn) == []


def test_a_draft_that_is_ready_is_heard_at_the_very_end_of_the_turn() -> None:
    sim = Simulation(REPLIES, speculation="draft", pace=FAST)
    sim.user_speaks(0.0, 1.0)
    assert sim.run().when(VoiceStarted) == [1.2]


def test_each_level_is_as_fast_as_the_one_before_or_faster() -> None:
    voiced = []
    for level in LEVELS:
        sim = Simulation(speculation=level)
        sim.user_speaks(0.0, 1.0)
        voiced += sim.run().when(VoiceStarted)
    assert all(later <= earlier for earlier, later in pairwise(voiced))
    assert voiced[-1] < voiced[0]


def test_a_wrong_draft_is_cancelled_the_moment_the_user_goes_on() -> None:
    sim = paused([0.5], "draft")
    assert sim.when(CancelTurn) == [1.1]


def test_a_draft_without_words_ends_in_an_apology() -> None:
    sim = Simulation([[]], speculation="draft", pace=FAST)
    sim.user_speaks(0.0, 1.0)
    assert sim.run().said == [("user", QUESTION), ("assistant", APOLOGIES["llm"])]


@pytest.mark.parametrize("stage", ["stt", "llm", "tts"])
@pytest.mark.parametrize("resumed", instants(0.1, 0.9, every=0.1))
def test_a_draft_that_fails_is_not_heard_of_when_the_user_goes_on(
    stage: str, resumed: float
) -> None:
    sim = Simulation(REPLIES, speculation="draft", pace=FAST)
    sim.user_speaks(0.0, 1.0, "Remind me", probability=0.01)
    sim.user_speaks(1.0 + resumed, 2.5, "to call my mother.")
    sim.breaks(stage)
    assert sim.run().said[0] == ("user", "Remind me to call my mother.")
    assert "Sorry" not in sim.heard


@pytest.mark.parametrize("stage", ["llm", "tts"])
def test_a_failed_draft_waits_for_the_turns_end(stage: str) -> None:
    sim = Simulation(REPLIES, speculation="draft", pace=FAST)
    sim.user_speaks(0.0, 1.0, probability=0.01)
    sim.breaks(stage)
    phases: list[Phase] = []
    sim.call(2.1, lambda: phases.append(sim.conversation.phase))
    sim.run()
    assert phases == [Phase.PAUSED]
    assert all(at >= 2.2 for at in sim.when(VoiceStarted))
    assert sim.said[0] == ("user", QUESTION)


def test_all_clauses_of_a_draft_are_voiced_ahead() -> None:
    sim = Simulation(speculation="draft", pace=FAST)
    sim.user_speaks(0.0, 1.0)
    assert all(at < 1.2 for at in sim.run().when(Speak))


# Reading the prompt ahead.


def prefilled(sim: Simulation) -> list[str]:
    return [command.messages[-1].text for command in sim.of(Prefill)]


def asking_at_length(level: Speculation) -> Simulation:
    sim = Simulation(speculation=level)
    sim.user_speaks(0.0, 4.0, "one two three four five six seven eight")
    return sim.run()


def test_nothing_is_read_ahead_unless_it_is_wanted() -> None:
    sim = asking_at_length("off")
    assert [*sim.when(Prefill), *sim.when(TranscribePartial)] == []


@pytest.mark.parametrize("level", ["prefill", "draft"])
def test_the_words_are_read_as_they_become_stable(level: Speculation) -> None:
    sim = asking_at_length(level)
    assert sim.when(TranscribePartial) == pytest.approx(
        [0.8, 1.2, 1.6, 2.0, 2.4, 2.8, 3.2, 3.6], abs=1e-9
    )
    read = list(dict.fromkeys(prefilled(sim)))
    assert read[:3] == ["one ", "one two ", "one two three "]


@pytest.mark.parametrize("level", ["prefill", "draft"])
def test_the_talk_so_far_is_read_before_the_next_question(level: Speculation) -> None:
    sim = asking_at_length(level)
    (finished_at,) = [at for at, item in sim.log if isinstance(item, ClauseHeard)][-1:]
    assert sim.when(Prefill)[-1] == finished_at
    assert prefilled(sim)[-1] == sim.heard


def test_the_system_prompt_is_read_at_the_beginning() -> None:
    talk = Conversation("Be brief.", speculation="prefill")
    (command,) = talk.step(SessionBegan(0.0))
    assert isinstance(command, Prefill)
    assert [message.text for message in command.messages] == ["Be brief."]


def test_nothing_is_read_ahead_of_a_prompt_that_is_being_answered() -> None:
    sim = Simulation(speculation="draft", pace=Pace(stt_s=0.15))
    sim.user_speaks(0.0, 1.9, "one two three four", probability=0.01)  # a partial at 1.4 s
    sim.post(WordsStable(at=2.1, turn=1, words=1, text="one"))
    sim.run()
    assert not [at for at in sim.when(Prefill) if sim.when(Generate)[0] < at < 2.5]


def test_stable_words_of_an_utterance_that_was_begun_again_are_stale() -> None:
    sim = Simulation(speculation="prefill", pace=Pace(stt_s=0.3))
    sim.user_speaks(0.0, 1.45, "one two three", probability=0.01)
    sim.user_speaks(1.5, 2.0, "four")
    sim.run()
    assert "one two" not in prefilled(sim)
