"""A turn of talk: when it ends, what is answered, what is remembered.

The plain turn of the simulation: the user asks from 0 to 1 s, the turn-end model answers at
1.05 s, the transcript is there at 1.1 s, the turn is over at 1.2 s, the reply is audible from
1.5 s, a word ends every 0.3 s, the last of its seven words at 3.6 s.
"""

from __future__ import annotations

import pytest

from edgevoice.core.commands import (
    CancelTurn,
    Command,
    EndSession,
    Generate,
    PlayVoice,
    ScoreTurnEnd,
    SetTimer,
    Speak,
    Transcribe,
)
from edgevoice.core.conversation import APOLOGIES, Conversation, Phase
from edgevoice.core.events import (
    ClauseHeard,
    Event,
    HistoryTrimmed,
    InputEnded,
    SpeechEnded,
    SpeechStarted,
    TimerFired,
    TranscriptReady,
    TurnEndScored,
    Typed,
)
from edgevoice.core.history import Message
from edgevoice.core.turn_taking import TurnTaking, silence_needed
from edgevoice.core.words import Look, look
from tests.sim import QUESTION, RULES, Pace, Simulation, instants

REPLY = "One two three. Four five six. Seven."
TURN = [("user", QUESTION), ("assistant", REPLY)]


UNFINISHED = "I would like to go to the"
GIVEN_TIME = pytest.approx(1.0 + silence_needed(RULES, 0.9, look(UNFINISHED)), abs=1e-3)
"""When it is answered after all that ends at 1 s."""


def asking(text: str = QUESTION, *, probability: float = 0.999) -> Simulation:
    sim = Simulation()
    sim.user_speaks(0.0, 1.0, text, probability=probability)
    return sim


def prompts(sim: Simulation) -> list[list[str]]:
    return [[message.text for message in command.messages] for command in sim.of(Generate)]


# The end of a turn.


def test_the_turn_is_over_after_a_short_silence_when_all_evidence_says_so() -> None:
    sim = asking().run()
    assert sim.when(PlayVoice) == [1.2]
    assert sim.said == TURN


def test_the_user_is_given_time_when_the_turn_end_model_expects_more() -> None:
    assert asking(probability=0.01).run().when(PlayVoice) == [2.2]


def test_the_user_is_given_time_when_the_words_expect_more() -> None:
    assert asking(UNFINISHED, probability=0.9).run().when(PlayVoice) == [GIVEN_TIME]


def test_without_a_turn_end_model_the_silence_alone_decides() -> None:
    sim = asking()
    sim.hangs("turn")
    assert sim.run().when(PlayVoice) == [1.7]


def test_a_late_score_is_used_as_long_as_the_turn_is_open() -> None:
    sim = Simulation(pace=Pace(turn_s=0.6))
    sim.user_speaks(0.0, 1.0, probability=0.999)
    assert sim.run().when(PlayVoice) == [1.6]


def test_a_score_that_comes_after_the_turn_is_over_changes_nothing() -> None:
    sim = Simulation(pace=Pace(turn_s=2.0))
    sim.user_speaks(0.0, 1.0, probability=0.0)
    assert sim.run().when(PlayVoice) == [1.7]


def test_transcription_and_scoring_begin_as_soon_as_the_user_falls_silent() -> None:
    sim = asking().run()
    assert sim.when(Transcribe) == sim.when(ScoreTurnEnd) == [1.0]


def test_a_late_transcript_is_answered_at_once() -> None:
    sim = Simulation(pace=Pace(stt_s=1.5))
    sim.user_speaks(0.0, 1.0)
    assert sim.run().when(PlayVoice) == [2.5]


def test_a_late_transcript_with_an_open_end_still_gives_the_user_time() -> None:
    sim = Simulation(pace=Pace(stt_s=0.5))
    sim.user_speaks(0.0, 1.0, UNFINISHED, probability=0.9)
    assert sim.run().when(PlayVoice) == [GIVEN_TIME]


def test_a_late_score_does_not_end_a_turn_whose_words_are_still_to_come() -> None:
    sim = Simulation(pace=Pace(stt_s=0.5, turn_s=0.4))
    sim.user_speaks(0.0, 1.0, UNFINISHED, probability=0.9)
    assert sim.run().when(PlayVoice) == [GIVEN_TIME]


@pytest.mark.parametrize("resumed", instants(1.05, 2.15))
def test_a_pause_inside_a_sentence_does_not_split_it(resumed: float) -> None:
    sim = Simulation()
    sim.user_speaks(0.0, 1.0, "Remind me", probability=0.01)
    sim.user_speaks(resumed, resumed + 1.0, "to call my mother.", probability=0.999)
    assert sim.run().said == [("user", "Remind me to call my mother."), ("assistant", REPLY)]


@pytest.mark.parametrize("resumed", instants(1.2, 1.5))
def test_a_user_who_goes_on_before_the_reply_is_audible_was_not_done(resumed: float) -> None:
    sim = asking("Remind me")
    sim.user_speaks(resumed, resumed + 1.0, "to call my mother.")
    assert sim.run().said == [("user", "Remind me to call my mother."), ("assistant", REPLY)]


def test_speech_that_began_before_the_voice_was_audible_is_no_interruption() -> None:
    sim = Simulation(pace=Pace(onset_s=0.1))
    sim.user_speaks(0.1, 1.0, "Remind me")
    sim.user_speaks(1.45, 2.0, "to call my mother.")
    assert sim.run().said == [("user", "Remind me to call my mother."), ("assistant", REPLY)]


def test_a_word_that_was_heard_is_remembered_however_early_the_user_spoke() -> None:
    sim = Simulation(pace=Pace(onset_s=0.4))
    sim.user_speaks(0.0, 1.0)
    sim.user_speaks(1.45, 3.0, "No, the date.")
    assert sim.run().said[:2] == [("user", QUESTION), ("assistant", "One")]


@pytest.mark.parametrize("timers_first", [True, False])
def test_speech_at_the_very_instant_of_the_turn_end_continues_the_sentence(
    timers_first: bool,
) -> None:
    sim = Simulation(timers_first=timers_first)
    sim.user_speaks(0.0, 1.0, "Remind me")
    sim.user_speaks(1.2, 2.0, "to call my mother.")
    assert sim.run().said == [("user", "Remind me to call my mother."), ("assistant", REPLY)]


def test_the_timer_of_a_pause_that_is_over_does_not_end_the_next_one() -> None:
    sim = Simulation(pace=Pace(stt_s=0.02))
    sim.user_speaks(0.0, 1.0, "Remind me", probability=0.999)
    sim.user_speaks(1.1, 1.19, "to call", probability=0.01)
    sim.user_speaks(1.8, 2.5, "my mother.", probability=0.999)
    assert sim.run().when(PlayVoice) == [2.7]


# What is no question.


def test_a_noise_without_words_is_forgotten() -> None:
    sim = Simulation()
    sim.user_coughs(0.0, 0.3)
    assert sim.run().said == []
    assert sim.when(Generate) == []


def test_a_question_after_a_noise_is_answered() -> None:
    sim = Simulation()
    sim.user_coughs(0.0, 0.3)
    sim.user_speaks(0.5, 1.5)
    assert sim.run().said == TURN


def test_a_reply_without_words_is_made_good_with_an_apology() -> None:
    sim = Simulation(replies=[[]])
    sim.user_speaks(0.0, 1.0)
    assert sim.run().said == [("user", QUESTION), ("assistant", APOLOGIES["llm"])]


def test_an_endless_utterance_is_answered_after_its_longest_time() -> None:
    sim = Simulation(rules=TurnTaking(longest_utterance_s=2.0))
    sim.user_speaks(0.0, 10.0, "one two three four five six seven eight nine ten")
    assert sim.run().when(Transcribe) == [2.0]
    assert sim.said == [("user", "one two"), ("assistant", REPLY)]


def test_an_utterance_that_was_cut_is_not_begun_again_by_what_follows() -> None:
    sim = Simulation(rules=TurnTaking(longest_utterance_s=2.0), pace=Pace(stt_s=0.5))
    sim.user_speaks(0.0, 2.05, "one two three four")
    sim.user_speaks(2.1, 2.2, "five")
    sim.user_speaks(2.3, 2.4, "six")
    assert sim.run().when(Transcribe) == [2.0]
    assert sim.said == [("user", "one two three four"), ("assistant", REPLY)]


# What is remembered.


def test_the_next_prompt_holds_what_was_said_before() -> None:
    sim = asking()
    sim.user_speaks(5.0, 6.0, "And the date?")
    assert prompts(sim.run()) == [
        ["Be brief.", QUESTION],
        ["Be brief.", QUESTION, REPLY, "And the date?"],
    ]


def test_the_model_sees_no_more_of_the_history_once_it_was_trimmed() -> None:
    sim = asking()
    sim.user_speaks(5.0, 6.0, "And the date?")
    sim.user_speaks(10.0, 11.0, "And the year?")
    sim.post(HistoryTrimmed(at=6.3, turn=2, messages=0))
    assert prompts(sim.run())[-1] == ["Be brief.", "And the date?", REPLY, "And the year?"]
    assert len(sim.said) == 6


def test_a_talk_goes_on_from_the_history_it_is_given() -> None:
    talk = Conversation("Be brief.", history=[Message("user", "Hi"), Message("assistant", "Hello")])
    talk.step(Typed(0.0, "How are you?"))
    assert [message.text for message in talk.said] == ["Hi", "Hello", "How are you?"]


def test_the_reply_so_far_grows_word_by_word() -> None:
    sim = asking()
    seen: dict[float, str] = {}
    for at in (1.4, 1.9, 2.5):
        sim.call(at, lambda at=at: seen.update({at: sim.conversation.reply_so_far}))  # type: ignore[misc]
    sim.run()
    assert seen == {1.4: "", 1.9: "One", 2.5: "One two three."}


# Typing.


def test_a_typed_message_is_answered_at_once() -> None:
    sim = Simulation()
    sim.user_types(0.0, "Hello")
    assert sim.run().when(PlayVoice) == [0.0]
    assert sim.said == [("user", "Hello"), ("assistant", REPLY)]


@pytest.mark.parametrize("instant", instants(0.0, 4.0))
def test_a_typed_message_takes_the_turn_at_any_time(instant: float) -> None:
    sim = asking()
    sim.user_types(instant, "Hello")
    assert sim.run().said[-2:] == [("user", "Hello"), ("assistant", REPLY)]


@pytest.mark.parametrize("instant", instants(0.0, 2.0))
def test_two_messages_in_a_row_are_both_kept(instant: float) -> None:
    sim = Simulation()
    sim.user_types(0.0, "Hello")
    sim.user_types(instant, "Goodbye")
    said = sim.run().said
    assert [text for who, text in said if who == "user"] == ["Hello", "Goodbye"]
    assert said[-1] == ("assistant", REPLY)


@pytest.mark.parametrize("instant", instants(0.05, 2.0))
def test_a_noise_does_not_take_a_typed_message_back(instant: float) -> None:
    sim = Simulation()
    sim.user_types(0.0, "Hello")
    sim.user_coughs(instant, instant + 0.2)
    assert sim.run().said == [("user", "Hello"), ("assistant", REPLY)]


def test_a_question_spoken_before_the_reply_to_a_typed_one_keeps_both() -> None:
    sim = Simulation()
    sim.user_types(0.0, "Hello")
    sim.user_speaks(0.1, 1.0)
    assert sim.run().said == [("user", "Hello"), *TURN]


# The end of the talk.


def test_the_session_ends_at_once_when_nobody_speaks() -> None:
    sim = Simulation()
    sim.input_ends(0.5)
    assert sim.run().when(EndSession) == [0.5]


@pytest.mark.parametrize("instant", instants(1.0, 4.0))
def test_a_question_is_answered_to_its_end_before_the_session_ends(instant: float) -> None:
    sim = asking(probability=0.6)
    sim.input_ends(instant)
    assert sim.run().said == TURN
    assert sim.when(EndSession) == [max(instant, sim.when(ClauseHeard)[-1])]


@pytest.mark.parametrize("instant", instants(0.3, 0.95))
def test_the_end_of_the_input_ends_an_utterance_too(instant: float) -> None:
    sim = asking()
    sim.input_ends(instant)
    sim.run()
    assert sim.when(Transcribe) == [instant]
    assert sim.said[-1] == ("assistant", REPLY)
    assert len(sim.when(EndSession)) == 1


@pytest.mark.parametrize("instant", instants(2.0, 4.0))
@pytest.mark.parametrize("interjection", ["", "mhm", "And the date?"])
def test_the_input_may_end_while_the_user_speaks_over_the_reply(
    instant: float, interjection: str
) -> None:
    sim = asking()
    sim.user_speaks(2.0, 2.3, interjection)
    sim.input_ends(instant)
    sim.run()
    assert len(sim.when(EndSession)) == 1
    assert sim.said[-1][0] == "assistant"


def test_what_is_said_over_the_reply_ends_with_the_input() -> None:
    sim = asking()
    sim.user_speaks(2.0, 2.4, "In Rome?")
    sim.input_ends(2.2)
    assert sim.run().when(Transcribe) == [1.0, 2.2]
    assert ("user", "In") in sim.said


def test_what_was_said_over_the_reply_before_the_input_ended_is_transcribed_once() -> None:
    sim = asking()
    sim.user_speaks(2.0, 2.4, "In Rome?")
    sim.input_ends(2.45)
    assert sim.run().when(Transcribe) == [1.0, 2.4]
    assert ("user", "In Rome?") in sim.said


def test_nobody_waits_for_more_words_once_the_input_has_ended() -> None:
    sim = asking(probability=0.0)
    sim.input_ends(1.3)
    assert sim.run().when(PlayVoice) == [1.3]


def test_the_session_ends_only_once() -> None:
    talk = Conversation("Be brief.")
    assert talk.step(InputEnded(0.0)) == [EndSession()]
    assert talk.step(TimerFired(1.0, "turn end")) == []


# Facts out of place.


def step_all(talk: Conversation, *events: Event) -> list[Command]:
    return [command for event in events for command in talk.step(event)]


def test_no_time_is_lost_when_the_evidence_comes_after_the_time_to_wait() -> None:
    talk = Conversation("Be brief.")
    step_all(talk, SpeechStarted(0, 0), SpeechEnded(1, 1), TurnEndScored(1.05, 1, 0.99))
    known = TranscriptReady(at=1.3, turn=1, look=Look(words=5), text="What is it like there?")
    assert PlayVoice(turn=1) in talk.step(known)


def test_facts_of_a_finished_turn_are_stale() -> None:
    sim = asking().run()
    finished = TranscriptReady(at=9.0, turn=1, look=Look(words=1), text="late")
    assert sim.conversation.step(finished) == []
    assert sim.conversation.phase is Phase.IDLE


def test_facts_of_a_turn_that_was_taken_back_are_stale() -> None:
    talk = Conversation("Be brief.")
    step_all(talk, SpeechStarted(0, 0), SpeechEnded(1, 1), SpeechStarted(1.1, 1.1))
    assert talk.step(TranscriptReady(at=1.2, turn=1, look=Look(words=1), text="Remind")) == []
    assert talk.step(SpeechEnded(2, 2))[0] == Transcribe(turn=2, since=0)


def test_what_belongs_to_another_turn_orders_nothing() -> None:
    sim = asking()
    sim.user_speaks(1.3, 2.0, "and the date?")  # the first attempt's reply is being written
    sim.run()
    late = [at for at, item in sim.log if getattr(item, "turn", 2) == 1]
    assert max(late) > sim.when(CancelTurn)[0]
    assert all(command.turn == 2 for command in sim.of(Speak))


def test_the_first_commands_of_a_talk() -> None:
    talk = Conversation("Be brief.")
    assert talk.step(SpeechStarted(at=0.1, since=0.0)) == [SetTimer("too long", 60.0)]
    assert talk.step(SpeechEnded(at=1.1, until=1.0)) == [
        Transcribe(turn=1, since=0.0),
        ScoreTurnEnd(turn=1, since=0.0),
    ]
