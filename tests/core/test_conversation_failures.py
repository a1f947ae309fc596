"""Lanes that break or never answer: the talk goes on, and what was heard is kept."""

from __future__ import annotations

import pytest

from edgevoice.core.commands import CancelTurn, Generate, PlayVoice, Speak
from edgevoice.core.conversation import APOLOGIES, Conversation, Phase
from edgevoice.core.events import (
    ClauseWritten,
    JobFailed,
    ReplyWritten,
    SpeechEnded,
    SpeechStarted,
    Typed,
)
from edgevoice.core.speculation import Speculation
from tests.sim import QUESTION, Simulation, instants

REPLIES = [["One two three.", "Four five six.", "Seven."], ["Eight."]]
STAGES = ["stt", "turn", "llm", "tts"]
SORRY_STT, SORRY_LLM = APOLOGIES["stt"], APOLOGIES["llm"]


def asking(speculation: Speculation = "off") -> Simulation:
    sim = Simulation(REPLIES, speculation=speculation)
    sim.user_speaks(0.0, 1.0)
    return sim


def test_a_failed_transcription_is_said_aloud() -> None:
    sim = asking()
    sim.breaks("stt")
    assert sim.run().said == [("assistant", SORRY_STT)]
    assert sim.when(Generate) == []


def test_a_failed_transcription_waits_for_the_turns_end_as_words_do() -> None:
    sim = Simulation()
    sim.user_speaks(0.0, 1.0, probability=0.01)
    sim.breaks("stt")
    assert sim.run().when(PlayVoice) == [2.2]


def test_a_transcription_that_failed_in_a_pause_is_tried_again_when_the_user_goes_on() -> None:
    sim = Simulation(REPLIES)
    sim.user_speaks(0.0, 1.0, "Remind me", probability=0.01)
    sim.user_speaks(1.5, 2.5, "to call my mother.")
    sim.breaks("stt")
    assert sim.run().said[0] == ("user", "Remind me to call my mother.")


def test_a_model_that_fails_at_once_is_said_aloud() -> None:
    sim = asking()
    sim.breaks("llm")
    assert sim.run().said == [("user", QUESTION), ("assistant", SORRY_LLM)]


def test_a_model_that_fails_midway_breaks_off_with_an_apology() -> None:
    sim = asking()
    sim.breaks("llm", after=2)
    said = f"One two three. Four five six. {SORRY_LLM}"
    assert sim.run().said == [("user", QUESTION), ("assistant", said)]


def test_a_failure_after_the_whole_reply_is_no_matter() -> None:
    talk = Conversation("Be brief.")
    talk.step(Typed(0.0, "Hello"))
    talk.step(ClauseWritten(0.1, talk.turn, 0, 1, "Hi."))
    talk.step(ReplyWritten(0.1, talk.turn, 1))
    assert talk.step(JobFailed(0.2, talk.turn, "llm")) == []


def test_a_lost_voice_gives_the_turn_back() -> None:
    sim = asking()
    sim.breaks("tts")
    assert sim.run().said == [("user", QUESTION)]
    assert sim.when(CancelTurn) == [1.5]


def test_a_voice_lost_midway_keeps_what_was_heard() -> None:
    sim = asking()
    sim.hangs("tts", job=3)
    assert sim.run().said == [("user", QUESTION), ("assistant", "One two three. Four five six.")]


def test_there_is_no_apology_for_an_apology() -> None:
    sim = asking()
    sim.breaks("llm")
    sim.breaks("tts")
    assert sim.run().when(Speak) == [1.4]
    assert sim.said == [("user", QUESTION)]


def test_a_lost_turn_end_model_is_done_without() -> None:
    sim = asking()
    sim.breaks("turn")
    assert sim.run().when(PlayVoice) == [1.7]


@pytest.mark.parametrize("hang", [True, False])
def test_the_voice_goes_on_when_an_interjection_cannot_be_understood(hang: bool) -> None:
    sim = asking()
    sim.user_speaks(2.0, 2.3, "In Paris?")
    (sim.hangs if hang else sim.breaks)("stt", job=2)
    said = sim.run().said
    assert said == [("user", QUESTION), ("assistant", " ".join(REPLIES[0]))]


def test_the_voice_stays_held_while_the_user_speaks_though_a_transcription_fails() -> None:
    sim = asking()
    sim.user_speaks(2.0, 2.2, "In")
    sim.user_speaks(2.25, 2.6, "Paris?")
    sim.breaks("stt", job=2)
    assert sim.run().said[-2:] == [("user", "In Paris?"), ("assistant", "Eight.")]


@pytest.mark.parametrize("stage", ["llm", "tts"])
@pytest.mark.parametrize("job_ends", instants(1.4, 2.6, every=0.1))
def test_words_spoken_over_a_reply_that_breaks_are_not_lost(stage: str, job_ends: float) -> None:
    sim = asking()
    sim.user_speaks(1.55, 1.95, "In Paris?")
    sim.user_speaks(2.1, 2.4, "Or in Rome?")
    sim.post(JobFailed(job_ends, turn=1, stage=stage))
    asked = " ".join(text for who, text in sim.run().said if who == "user")
    assert asked == f"{QUESTION} In Paris? Or in Rome?"


def test_an_apology_waits_while_the_user_speaks() -> None:
    sim = asking()
    sim.user_coughs(1.55, 1.9)
    sim.breaks("llm", after=2)  # at 1.6 s
    assert sim.run().said[-1][1].endswith(SORRY_LLM)


def test_failures_while_nobody_speaks_are_no_matter() -> None:
    for stage in STAGES:
        talk = Conversation("Be brief.")
        assert talk.step(JobFailed(0.0, talk.turn, stage)) == []
        assert talk.phase is Phase.IDLE


def test_failures_while_the_user_speaks_are_no_matter() -> None:
    for stage in STAGES:
        talk = Conversation("Be brief.")
        talk.step(SpeechStarted(0.0, 0.0))
        assert talk.step(JobFailed(0.5, talk.turn, stage)) == []
        assert talk.step(SpeechEnded(1.0, 1.0)) != []


SCENES = {
    "a plain question": [],
    "a pause": [(1.1, 2.0, "and the date?")],
    "an interruption": [(2.0, 3.0, "No, the date.")],
    "a cough": [(2.0, 2.2, "")],
    "a cough, then words": [(2.0, 2.2, ""), (2.25, 3.2, "No, the date.")],
    "a sign of listening": [(2.0, 2.3, "Mhm.")],
    "a stop": [(2.0, 2.3, "Stop!")],
    "a quick word": [(2.0, 2.3, "Paris?")],
}


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("job", [1, 2, 3])
@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("hang", [True, False])
@pytest.mark.parametrize("speculation", ["off", "draft"])
def test_after_any_failure_the_next_question_is_answered(
    scene: str, stage: str, job: int, after: int, hang: bool, speculation: Speculation
) -> None:
    sim = asking(speculation)
    for since, until, text in SCENES[scene]:
        sim.user_speaks(since, until, text)
    if stage != "llm":
        after = 0
    (sim.hangs if hang else sim.breaks)(stage, job=job, after=after)
    for begin in (40.0, 60.0, 80.0):  # one of them may meet the failure
        sim.user_speaks(begin, begin + 1.0, f"Are you still there at {begin}?")
    said = sim.run().said
    assert said[-2] == ("user", "Are you still there at 80.0?")
    assert said[-1][0] == "assistant"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("instant", instants(0.05, 4.0))
@pytest.mark.parametrize("until", [1.0, 2.2])
def test_a_failure_may_come_at_any_instant(stage: str, instant: float, until: float) -> None:
    sim = Simulation(REPLIES)
    sim.user_speaks(0.0, 1.0)
    if until > 1.0:
        sim.user_speaks(1.8, until, "Paris?")
    for turn in (1, 2):
        sim.post(JobFailed(instant, turn=turn, stage=stage))
    sim.user_speaks(20.0, 21.0, "Are you still there?")
    assert sim.run().said[-2] == ("user", "Are you still there?")
