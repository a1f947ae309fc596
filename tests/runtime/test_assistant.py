"""The loop with fake models, in virtual time: what it promises whatever the models are."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from edgevoice.backends.protocols import Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.history import Message
from edgevoice.core.turn_taking import TurnTaking
from edgevoice.errors import BackendFailed
from edgevoice.runtime import assistant as module
from tests.runtime.fakes import Beeps, Blocks, Echo, HearsInOrder, assistant, run, spoken

QUESTION = spoken((1.0, 2.0), total_s=3.0)


def said(*texts: str) -> list[Message]:
    return [Message("user" if i % 2 == 0 else "assistant", text) for i, text in enumerate(texts)]


def test_a_question_is_heard_answered_and_kept() -> None:
    sink = Blocks()
    talk = assistant(QUESTION, stt=lambda: HearsInOrder("How are you?"), sink=sink)
    run(talk)
    assert talk.conversation.history == said("How are you?", "This is fine.")
    ((start, end),) = sink.audible_spans()
    sure = 2.0 + TurnTaking().sure_s
    assert sure < start < sure + 0.2  # the grain of frames and ticks
    assert end - start == pytest.approx(0.6, abs=0.01)


def test_the_same_file_gives_the_same_talk() -> None:
    spans = []
    for _ in range(3):
        sink = Blocks()
        run(assistant(QUESTION, stt=lambda: HearsInOrder("How are you?"), sink=sink))
        spans.append(sink.audible_spans())
    assert spans[0] == spans[1] == spans[2]


def test_speaking_on_cuts_the_reply_and_the_history_to_what_was_heard() -> None:
    sink = Blocks()
    talk = assistant(
        spoken((1.0, 2.0), (3.0, 4.5), total_s=5.0),
        stt=lambda: HearsInOrder("Tell me a tale.", "Something", "Something else."),
        llm=lambda: Echo("Once upon a time there was a king who had a castle", "Well then."),
        sink=sink,
    )
    run(talk)
    first, second = sink.audible_spans()
    question, cut, *rest = talk.conversation.history
    assert question == Message("user", "Tell me a tale.")
    words = (first[1] - first[0]) / 0.2
    assert abs(len(cut.text.split()) - words) < 1.0
    assert "Once upon a time there".startswith(cut.text) or cut.text.startswith("Once upon a")
    assert rest == said("Something else.", "Well then.")
    assert first[1] < 3.2 < 4.5 < second[0]


def test_a_cough_holds_the_voice_and_lets_it_resume_where_it_stopped() -> None:
    sink = Blocks()
    talk = assistant(
        spoken((1.0, 2.0), (2.7, 2.9), total_s=4.0),
        stt=lambda: HearsInOrder("Tell me.", ""),
        llm=lambda: Echo("one two three four five six"),
        sink=sink,
    )
    run(talk)
    assert talk.conversation.history == said("Tell me.", "one two three four five six")
    first, second = sink.audible_spans()
    length = (first[1] - first[0]) + (second[1] - second[0])
    assert length == pytest.approx(6 * 0.2, abs=0.02)


class Fails(HearsInOrder):
    def transcribe(self, utterance: Samples, scope: CancelScope) -> str:
        if not self.lengths_s:
            self.lengths_s.append(0.0)
            raise RuntimeError("broken")
        return super().transcribe(utterance, scope)


def test_a_backend_that_raises_is_apologized_for_and_the_talk_goes_on() -> None:
    talk = assistant(spoken((1.0, 2.0), (6.0, 7.0), total_s=8.0), stt=lambda: Fails("How are you?"))
    run(talk)
    assert [m.text for m in talk.conversation.history][-2:] == ["How are you?", "This is fine."]
    assert "Sorry" in talk.conversation.history[0].text


class NeverReturns(Echo):
    stuck = threading.Event()

    def reply(
        self, messages: Sequence[Message], max_tokens: int, scope: CancelScope
    ) -> Iterator[str]:
        if not self.stuck.is_set():
            self.stuck.set()
            threading.Event().wait(60)
        yield from super().reply(messages, max_tokens, scope)


def test_a_backend_that_never_returns_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.STALL_LIMIT_S, "llm", 0.3)
    talk = assistant(
        spoken((1.0, 2.0), (8.0, 9.0), total_s=10.0),
        stt=lambda: HearsInOrder("First.", "Second."),
        llm=NeverReturns,
    )
    run(talk)
    texts = [m.text for m in talk.conversation.history]
    assert "Sorry" in texts[1]
    assert texts[2:] == ["Second.", "This is fine."]


def test_a_model_that_does_not_load_ends_the_talk_with_its_error() -> None:
    def broken() -> Echo:
        raise RuntimeError("no such file")

    talk = assistant(QUESTION, stt=lambda: HearsInOrder(), llm=broken)
    with pytest.raises(BackendFailed, match="llm model cannot be loaded: no such file"):
        talk.run()


def test_a_cancelled_reply_stops_within_a_few_tokens() -> None:
    llm = Echo("word " * 2000, "Yes.")
    talk = assistant(
        spoken((1.0, 2.0), (3.0, 4.5), total_s=5.0),
        stt=lambda: HearsInOrder("Count.", "Say", "Say yes please."),
        llm=lambda: llm,
    )
    run(talk)
    assert talk.conversation.history[-1].text == "Yes."


def test_silence_does_nothing() -> None:
    tts = Beeps()
    talk = assistant(spoken(total_s=600.0), stt=lambda: HearsInOrder(), tts=lambda: tts)
    run(talk)
    assert tts.said == []
    assert talk.conversation.history == []
