"""Speech over the reply: the voice is held at once, words take the turn, noises do not.

In the simulation the user asks from 0 to 1 s; the reply's seven words are heard one each
0.3 s, from 1.5 to 3.6 s. Speech over the reply takes the turn after 0.5 s, or as soon as it is
over and known to be words; its transcript takes 0.1 s.
"""

from __future__ import annotations

import pytest

from edgevoice.core.commands import (
    CancelTurn,
    Generate,
    HoldVoice,
    PlayVoice,
    ResumeVoice,
    Speak,
    Transcribe,
)
from edgevoice.core.conversation import Conversation, Phase
from edgevoice.core.events import (
    ClauseHeard,
    ClauseWritten,
    ReplyWritten,
    SpeechEnded,
    SpeechStarted,
    TranscriptReady,
    Typed,
    VoiceStarted,
    WordsHeard,
)
from edgevoice.core.words import Look
from tests.sim import QUESTION, Pace, Simulation, instants

WORDS = ["One", "two", "three.", "Four", "five", "six.", "Seven."]
REPLIES = [["One two three.", "Four five six.", "Seven."], ["Eight."]]
WHOLE = [("user", QUESTION), ("assistant", " ".join(WORDS))]
OTHER = "No, what is the date?"

REPLY_PLAYS = instants(1.55, 3.55)


def replying(*, pace: Pace | None = None) -> Simulation:
    sim = Simulation(REPLIES, pace=pace)
    sim.user_speaks(0.0, 1.0)
    return sim


def interrupted(*, since: float, until: float, text: str = OTHER) -> Simulation:
    sim = replying()
    sim.user_speaks(since, until, text)
    return sim.run()


def heard_by(time: float) -> str:
    """The words of the plain reply that are over before then."""
    return " ".join(word for n, word in enumerate(WORDS) if round(1.8 + 0.3 * n, 2) < time)


# Words take the turn.


@pytest.mark.parametrize("since", REPLY_PLAYS)
def test_the_voice_falls_silent_as_soon_as_the_user_speaks(since: float) -> None:
    assert interrupted(since=since, until=since + 1.0).when(HoldVoice) == [since]


@pytest.mark.parametrize("since", REPLY_PLAYS)
def test_speaking_on_takes_the_turn(since: float) -> None:
    sim = interrupted(since=since, until=since + 1.0)
    assert sim.when(CancelTurn) == [round(since + 0.5 + sim.pace.stt_s, 2)]
    assert sim.when(PlayVoice) == [1.2, round(since + 1.2, 2)]


@pytest.mark.parametrize("since", REPLY_PLAYS)
def test_the_history_keeps_what_was_heard_to_the_word(since: float) -> None:
    sim = interrupted(since=since, until=since + 1.0)
    heard = [("assistant", heard_by(since))] if heard_by(since) else []
    assert sim.said == [("user", QUESTION), *heard, ("user", OTHER), ("assistant", "Eight.")]


@pytest.mark.parametrize("since", REPLY_PLAYS)
def test_a_cancelled_reply_is_never_spoken_again(since: float) -> None:
    sim = interrupted(since=since, until=since + 1.0)
    (cancelled_at,) = sim.when(CancelTurn)
    spoken = [c for at, c in sim.log if isinstance(c, Speak) and at >= cancelled_at]
    assert spoken == [Speak(turn=2, clause=0, text="Eight.")]


@pytest.mark.parametrize("since", REPLY_PLAYS)
def test_few_quick_words_take_the_turn_as_soon_as_they_are_known(since: float) -> None:
    sim = interrupted(since=since, until=since + 0.4, text="In Paris?")
    assert sim.when(CancelTurn) == [round(since + 0.5, 2)]
    assert sim.said[-2:] == [("user", "In Paris?"), ("assistant", "Eight.")]


def test_the_words_of_an_interjection_are_not_transcribed_again() -> None:
    sim = interrupted(since=2.0, until=2.3, text="In Paris?")
    assert sim.when(Transcribe) == [1.0, 2.3]
    assert sim.when(PlayVoice) == [1.2, 2.5]


def test_a_user_may_go_on_after_a_quick_word() -> None:
    sim = replying()
    sim.user_speaks(2.0, 2.3, "No,", probability=0.01)
    sim.user_speaks(2.6, 3.4, "what is the date?")
    assert sim.run().said[-2:] == [("user", OTHER), ("assistant", "Eight.")]


@pytest.mark.parametrize("since", instants(1.25, 1.5))
def test_nothing_of_a_reply_that_nobody_heard_enters_the_history(since: float) -> None:
    sim = interrupted(since=since, until=since + 1.0, text="And the date?")
    assert sim.said == [("user", f"{QUESTION} And the date?"), ("assistant", "Eight.")]
    assert sim.when(HoldVoice) == []


def test_the_next_reply_knows_how_far_the_last_one_came() -> None:
    sim = interrupted(since=2.2, until=3.2)
    texts = [message.text for message in sim.of(Generate)[-1].messages]
    assert texts == ["Be brief.", QUESTION, "One two", OTHER]


@pytest.mark.parametrize("since", instants(1.55, 3.55, every=0.1))
def test_a_talk_of_nothing_but_interruptions_remembers_each_word(since: float) -> None:
    sim = Simulation([["One two three.", "Four five."]])
    sim.user_speaks(0.0, 1.0)
    for number in range(8):
        begin = since + 3.0 * number
        sim.user_speaks(begin, begin + 0.8, f"Question number {number}?")
    asked = [text for who, text in sim.run().said if who == "user"]
    assert asked == [QUESTION, *(f"Question number {number}?" for number in range(8))]


# Noises do not.


@pytest.mark.parametrize("since", REPLY_PLAYS)
@pytest.mark.parametrize("length", [0.1, 0.3, 0.45])
def test_a_cough_does_not_cancel_the_reply(since: float, length: float) -> None:
    sim = interrupted(since=since, until=since + length, text="")
    assert sim.when(CancelTurn) == []
    assert sim.when(ResumeVoice) == [round(since + length + 0.1, 2)]
    assert sim.said == WHOLE


@pytest.mark.parametrize("since", REPLY_PLAYS)
@pytest.mark.parametrize("text", ["Mhm.", "Yes.", "Okay.", "Uh-huh, right.", "Oh, I see."])
def test_a_sign_of_listening_does_not_cancel_the_reply(since: float, text: str) -> None:
    sim = interrupted(since=since, until=since + 0.3, text=text)
    assert sim.when(CancelTurn) == []
    assert sim.said == WHOLE


def test_the_reply_goes_on_where_it_stopped() -> None:
    sim = interrupted(since=2.2, until=2.4, text="Mhm.")
    late = 0.3  # from 2.2 to 2.5 s the voice was held
    words = sorted([*sim.when(WordsHeard), *sim.when(ClauseHeard)])
    assert words == [1.8, 2.1, *(round(at + late, 2) for at in (2.4, 2.7, 3.0, 3.3, 3.6))]


@pytest.mark.parametrize("between", [0.03, 0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("since", instants(1.55, 2.95, every=0.2))
def test_two_short_coughs_do_not_add_up_to_a_barge_in(since: float, between: float) -> None:
    sim = replying()
    sim.user_coughs(since, since + 0.3)
    sim.user_coughs(since + 0.3 + between, since + 0.6 + between)
    assert sim.run().when(CancelTurn) == []
    assert sim.said == WHOLE


def test_the_voice_is_not_held_again_by_a_cough_while_it_is_held() -> None:
    sim = replying()
    sim.user_coughs(2.0, 2.2)
    sim.user_coughs(2.25, 2.4)
    assert len(sim.run().when(HoldVoice)) == len(sim.when(ResumeVoice)) == 1


@pytest.mark.parametrize("length_s", [0.6, 0.9, 1.4, 1.9])
@pytest.mark.parametrize("text", ["Yeah, yeah, okay, right.", ""])
def test_however_long_it_takes_to_say_go_on_the_reply_is_not_lost(
    text: str, length_s: float
) -> None:
    sim = interrupted(since=2.2, until=2.2 + length_s, text=text)
    assert sim.when(CancelTurn) == []
    assert sim.when(ResumeVoice) == [round(2.2 + length_s + sim.pace.stt_s, 2)]
    assert sim.said == [("user", QUESTION), ("assistant", " ".join(WORDS))]


def test_noise_that_does_not_end_holds_the_voice_no_longer_than_two_seconds() -> None:
    sim = interrupted(since=2.2, until=9.0, text="")
    assert sim.when(CancelTurn) == []
    (resumed,) = sim.when(ResumeVoice)
    assert 2.0 <= resumed - 2.2 <= 2.5
    assert sim.said == [("user", QUESTION), ("assistant", " ".join(WORDS))]


def test_late_answers_about_noises_do_not_decide_about_the_words_after_them() -> None:
    sim = Simulation([["word " * 40], ["Eight."]], pace=Pace(stt_s=3.0))
    sim.user_speaks(0.0, 1.0)
    sim.user_coughs(8.0, 8.2)
    sim.user_coughs(9.6, 10.3)
    sim.user_speaks(10.6, 10.9, "In Paris?")
    assert sim.run().said[-2:] == [("user", "In Paris?"), ("assistant", "Eight.")]


@pytest.mark.parametrize("first", ["", "Mhm."])
@pytest.mark.parametrize("between", [0.03, 0.05, 0.09])
def test_an_answer_about_the_first_noise_does_not_decide_about_the_second(
    first: str, between: float
) -> None:
    sim = replying()
    sim.user_speaks(2.0, 2.2, first)
    sim.user_speaks(2.2 + between, 2.2 + between + 0.05, "Paris?")
    sim.run()
    assert sim.when(ResumeVoice) == []
    assert sim.said[0:2] == [("user", QUESTION), ("assistant", "One")]
    assert sim.said[-1] == ("assistant", "Eight.")


def test_the_second_noise_is_heard_with_the_first() -> None:
    sim = replying()
    sim.user_speaks(2.0, 2.2, "In")
    sim.user_speaks(2.25, 2.4, "Paris?")
    assert [command.since for command in sim.run().of(Transcribe)] == [0.0, 2.0, 2.0]
    assert sim.said[-2:] == [("user", "In Paris?"), ("assistant", "Eight.")]


def test_a_cough_long_after_another_is_heard_alone() -> None:
    sim = replying()
    sim.user_coughs(1.6, 1.7)
    sim.user_coughs(2.5, 2.6)
    assert [command.since for command in sim.run().of(Transcribe)] == [0.0, 1.6, 2.5]


# "Stop" is no question.


@pytest.mark.parametrize("text", ["Stop!", "No.", "Wait, wait.", "That's enough, thank you."])
@pytest.mark.parametrize("length", [0.3, 1.0])
def test_stop_ends_the_reply_and_is_not_answered(text: str, length: float) -> None:
    sim = interrupted(since=2.2, until=2.2 + length, text=text)
    assert sim.said == [("user", QUESTION), ("assistant", "One two"), ("user", text)]
    assert sim.when(Generate) == [1.2]


def test_a_stop_that_is_said_in_pieces_is_not_answered_either() -> None:
    sim = replying()
    sim.user_speaks(2.2, 3.0, "Stop")
    sim.user_speaks(3.1, 3.5, "it, please.")
    assert sim.run().said[-1] == ("user", "Stop it, please.")


def test_after_a_stop_the_talk_goes_on() -> None:
    sim = replying()
    sim.user_speaks(2.2, 2.5, "Stop!")
    sim.user_speaks(8.0, 9.0, "What is the date?")
    assert sim.run().said[-2:] == [("user", "What is the date?"), ("assistant", "Eight.")]


def test_no_may_be_the_answer_to_a_question() -> None:
    sim = Simulation(REPLIES)
    sim.user_speaks(0.0, 0.3, "No.")
    assert sim.run().said == [("user", "No."), WHOLE[1]]


def test_a_stop_with_a_wish_is_answered() -> None:
    sim = interrupted(since=2.2, until=3.2, text="Stop, what is the date?")
    assert sim.said[-1] == ("assistant", "Eight.")


def test_a_stop_that_is_drafted_ahead_stays_unanswered() -> None:
    sim = Simulation(REPLIES, speculation="draft")
    sim.user_speaks(0.0, 1.0)
    sim.user_speaks(2.2, 2.5, "Stop!")
    assert len(sim.run().when(Generate)) == 1


# What happens meanwhile.


@pytest.mark.parametrize("since", instants(1.55, 3.6, every=0.05))
@pytest.mark.parametrize("timers_first", [True, False])
def test_the_reply_may_end_at_the_instant_it_is_held(since: float, timers_first: bool) -> None:
    sim = Simulation([["Hello."]], timers_first=timers_first)
    sim.user_speaks(0.0, 1.0)
    sim.user_coughs(since, since + 0.2)
    assert sim.run().said == [("user", QUESTION), ("assistant", "Hello.")]


def held_while_the_last_word_is_played() -> Conversation:
    """What the device still had in its buffer is heard after the voice was held."""
    talk = Conversation("Be brief.")
    for event in (
        Typed(0.0, QUESTION),
        ClauseWritten(0.1, 1, 0, 1, "Hello."),
        ReplyWritten(0.1, 1, 1),
        VoiceStarted(0.2, 1),
        SpeechStarted(0.3, 0.3),
        SpeechEnded(0.5, 0.5),
        ClauseHeard(0.5, 1, 0),
    ):
        talk.step(event)
    assert talk.phase is Phase.HELD
    return talk


def test_a_reply_that_ends_while_it_is_held_is_over_after_a_noise() -> None:
    talk = held_while_the_last_word_is_played()
    assert talk.step(TranscriptReady(0.6, 1, Look())) == [ResumeVoice(1)]
    assert talk.phase is Phase.IDLE
    assert [message.text for message in talk.history] == [QUESTION, "Hello."]


def test_a_reply_that_ends_while_it_is_held_gives_way_to_words() -> None:
    talk = held_while_the_last_word_is_played()
    talk.step(TranscriptReady(0.6, 1, Look(words=1), "Paris?"))
    assert [message.text for message in talk.said] == [QUESTION, "Hello.", "Paris?"]


@pytest.mark.parametrize("since", [1.55, 1.6, 2.0])
def test_the_reply_is_written_on_while_the_voice_is_held(since: float) -> None:
    sim = replying(pace=Pace(llm_s=0.2, clause_s=0.3))
    sim.user_coughs(since, since + 0.45)
    assert sim.run().said == WHOLE


@pytest.mark.parametrize("timers_first", [True, False])
def test_speech_that_ends_at_the_very_instant_of_the_barge_in(timers_first: bool) -> None:
    sim = Simulation(REPLIES, timers_first=timers_first)
    sim.user_speaks(0.0, 1.0)
    sim.user_speaks(2.0, 2.5, OTHER)
    assert sim.run().said[-2:] == [("user", OTHER), ("assistant", "Eight.")]


def test_the_first_barge_in_timer_does_not_fire_for_the_second_noise() -> None:
    sim = replying()
    sim.user_coughs(2.0, 2.2)
    sim.user_coughs(2.4, 2.7)
    assert sim.run().when(CancelTurn) == []


def test_a_voice_is_held_only_once_it_can_be_heard() -> None:
    sim = interrupted(since=1.55, until=2.5)
    assert sim.when(VoiceStarted)[0] < sim.when(HoldVoice)[0]


@pytest.mark.parametrize(
    ("length_s", "stopped"),
    [(0.03, False), (0.09, False), (0.11, True), (0.2, True)],
    ids=["a click", "what is left of an echo", "a quick word", "a word"],
)
def test_no_word_is_shorter_than_a_tenth_of_a_second(length_s: float, stopped: bool) -> None:
    sim = interrupted(since=2.0, until=2.0 + length_s, text="Tick")
    assert (sim.said == [*WHOLE]) is not stopped


@pytest.mark.parametrize("instant", instants(2.0, 2.9))
def test_a_typed_message_ends_the_wait_for_an_interjection(instant: float) -> None:
    sim = replying()
    sim.user_speaks(2.0, 2.4, "In Paris?")
    sim.user_types(instant, "Hello")
    assert sim.run().said[-2:] == [("user", "Hello"), ("assistant", "Eight.")]


@pytest.mark.parametrize("onset_s", [0.064, 0.096, 0.16])
@pytest.mark.parametrize("since", instants(1.0, 4.0, every=0.1))
def test_ears_that_need_time_change_nothing_of_it(onset_s: float, since: float) -> None:
    sim = replying(pace=Pace(onset_s=onset_s, offset_s=0.096))
    sim.user_speaks(since + 0.1, since + 1.0, OTHER)
    said = sim.run().said
    assert " ".join(text for who, text in said if who == "user") == f"{QUESTION} {OTHER}"
