"""Facts in any order in which they can arrive, however unlikely, and then silence."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edgevoice.core.commands import (
    CancelTurn,
    Command,
    EndSession,
    Generate,
    HoldVoice,
    PlayVoice,
    ResumeVoice,
    ScoreTurnEnd,
    SetTimer,
    Speak,
    Transcribe,
    TranscribePartial,
)
from edgevoice.core.conversation import Conversation, Phase
from edgevoice.core.events import (
    ClauseHeard,
    ClauseVoiced,
    ClauseWritten,
    Event,
    HistoryTrimmed,
    InputEnded,
    JobFailed,
    ModelChanged,
    ReplyWritten,
    SpeculationChanged,
    SpeechEnded,
    SpeechStarted,
    TimerFired,
    TranscriptReady,
    TurnEndScored,
    Typed,
    VoiceStarted,
    WordsHeard,
    WordsStable,
)
from edgevoice.core.speculation import Speculation
from edgevoice.core.words import look

STAGES: dict[type, str] = {Transcribe: "stt", ScoreTurnEnd: "turn", Generate: "llm", Speak: "tts"}
"""Of the jobs whose failures are posted. Of work ahead nobody is told."""
TEXTS = st.sampled_from(["", "Mhm.", "Stop!", "In Paris?", "I would like to go to the"])
CLAUSE = "One two."
LIVELY = 60
"""Facts besides the answers to old jobs after which a talk that hears only silence is idle."""


@dataclass
class Job:
    """A command that a lane has not yet done with."""

    command: Transcribe | TranscribePartial | ScoreTurnEnd | Generate | Speak
    results: int = 0


@dataclass
class Voice:
    """What the loudspeaker has of the turn that it plays."""

    turn: int = 0
    started: bool = False
    held: bool = False
    clause: int = 0
    word: int = 0
    voiced: set[tuple[int, int]] = field(default_factory=set)


class Talk(RuleBasedStateMachine):
    """The conversation between lanes that answer whenever they like, even when cancelled."""

    @initialize(speculation=st.sampled_from(["off", "prefill", "draft"]))
    def begin(self, speculation: Speculation) -> None:
        self.talk = Conversation("Be brief.", speculation=speculation)
        self.now = 0.0
        self.speaking = self.over = False
        self.ended = 0
        self.jobs: list[Job] = []
        self.timers: dict[str, float] = {}
        self.texts: dict[tuple[int, int], list[str]] = {}
        self.voice = Voice()
        self.heard: list[str] = []
        self.cancelled: set[int] = set()
        self.played: set[int] = set()

    # What the user does.

    @precondition(lambda self: not self.speaking and not self.over)
    @rule(late=st.sampled_from([0.0, 0.1]))
    def speech_starts(self, late: float) -> None:
        self.speaking = True
        self.take(SpeechStarted(self.now, max(0.0, self.now - late)))

    @precondition(lambda self: self.speaking)
    @rule()
    def speech_ends(self) -> None:
        self.speaking = False
        self.take(SpeechEnded(self.now, self.now))

    @rule()
    def types(self) -> None:
        self.take(Typed(self.now, "Hello"))

    @precondition(lambda self: not self.over)
    @rule()
    def input_ends(self) -> None:
        self.over, self.speaking = True, False
        self.take(InputEnded(self.now))

    @rule(seconds=st.sampled_from([0.01, 0.3, 2.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds
        for name in [name for name, at in self.timers.items() if at <= self.now]:
            self.fire(name)

    # What the governor does.

    @rule(speculation=st.sampled_from(["off", "prefill", "draft"]), growth=st.sampled_from([0, 2]))
    def speculation_changes(self, speculation: Speculation, growth: float) -> None:
        self.take(SpeculationChanged(self.now, speculation, growth))

    @rule()
    def the_llm_changes(self) -> None:
        self.take(ModelChanged(self.now, "llm", "another"))

    # What the lanes do.

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), text=TEXTS, probability=st.sampled_from([0.0, 0.5, 1.0]))
    def a_lane_answers(self, data: st.DataObject, text: str, probability: float) -> None:
        self.answer(data.draw(st.sampled_from(self.jobs)), text, probability)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), silent=st.booleans())
    def a_lane_fails(self, data: st.DataObject, silent: bool) -> None:
        job = data.draw(st.sampled_from(self.jobs))
        self.jobs.remove(job)
        stage = STAGES.get(type(job.command))
        if stage and not (silent and stage == "turn"):  # nobody waits for the turn-end model
            self.take(JobFailed(self.now, job.command.turn, stage))

    @precondition(lambda self: self.audible_clause is not None)
    @rule()
    def the_loudspeaker_plays(self) -> None:
        voice, text = self.voice, self.audible_clause
        assert text is not None
        if not voice.started:
            voice.started = True
            self.take(VoiceStarted(self.now, voice.turn))
            return
        self.now += 0.1
        self.heard.append(text[voice.word])
        voice.word += 1
        if voice.word < len(text):
            self.take(WordsHeard(self.now, voice.turn, voice.clause, voice.word))
            return
        clause, voice.clause, voice.word = voice.clause, voice.clause + 1, 0
        self.take(ClauseHeard(self.now, voice.turn, clause))

    @property
    def audible_clause(self) -> list[str] | None:
        """The words of the clause that the loudspeaker plays just now."""
        key = (self.voice.turn, self.voice.clause)
        return self.texts[key] if key in self.voice.voiced and not self.voice.held else None

    def answer(self, job: Job, text: str, probability: float) -> None:
        command, now = job.command, self.now
        job.results += 1
        if not (isinstance(command, Generate) and job.results <= 2):
            self.jobs.remove(job)
        match command:
            case Transcribe(turn=turn):
                self.take(TranscriptReady(now, turn, look(text), text))
            case TranscribePartial(turn=turn):
                self.take(WordsStable(now, turn, len(text.split()), text))
            case ScoreTurnEnd(turn=turn):
                self.take(TurnEndScored(now, turn, probability))
            case Generate(turn=turn) if text == "":  # now and then the reply ends early
                if job in self.jobs:
                    self.jobs.remove(job)
                self.take(ReplyWritten(now, turn, job.results - 1))
            case Generate(turn=turn) if job.results <= 2:
                if probability == 0.0:
                    self.take(HistoryTrimmed(now, turn, 0))
                self.take(ClauseWritten(now, turn, job.results - 1, 2, CLAUSE))
            case Generate(turn=turn):
                self.take(ReplyWritten(now, turn, 2))
            case Speak(turn=turn, clause=clause):
                if turn not in self.cancelled:
                    self.voice.voiced.add((turn, clause))
                self.take(ClauseVoiced(now, turn, clause))

    def fire(self, name: str) -> None:
        if name in self.timers:
            del self.timers[name]
            self.take(TimerFired(self.now, name))

    def take(self, event: Event) -> None:
        for command in self.talk.step(event):
            turn = getattr(command, "turn", None)
            assert turn not in self.cancelled, f"{command} after the turn was cancelled"
            self.obey(command)

    def obey(self, command: Command) -> None:
        match command:
            case Speak(turn=turn, clause=clause, text=text):
                self.texts[turn, clause] = text.split()
                self.jobs.append(Job(command))
            case Transcribe() | TranscribePartial() | ScoreTurnEnd() | Generate():
                self.jobs.append(Job(command))
            case PlayVoice(turn=turn):
                assert turn not in self.played
                self.played.add(turn)
                self.voice = Voice(turn, voiced=self.voice.voiced)
            case HoldVoice() | ResumeVoice():
                self.voice.held = isinstance(command, HoldVoice)
            case CancelTurn(turn=turn):
                self.cancelled.add(turn)
                self.voice.voiced = {key for key in self.voice.voiced if key[0] != turn}
            case SetTimer(name=name, at=at):
                self.timers[name] = at
            case EndSession():
                self.ended += 1

    @invariant()
    def the_history_is_what_was_heard(self) -> None:
        replies = [message.text for message in self.talk.said if message.role == "assistant"]
        assert " ".join(replies) == " ".join(self.heard)

    @invariant()
    def the_voice_is_silent_unless_it_is_its_turn(self) -> None:
        assert self.talk.phase is Phase.REPLYING or self.audible_clause is None

    @invariant()
    def the_session_ends_once_all_is_said(self) -> None:
        assert self.ended == (self.over and (self.talk.phase is Phase.IDLE or self.ended))

    def teardown(self) -> None:
        """From any state, silence and answers lead back to rest."""
        for _ in range(3 * len(self.jobs) + LIVELY):
            if self.speaking:
                self.speech_ends()
            elif self.jobs:
                self.answer(self.jobs[0], "In Paris?", 1.0)
            elif self.audible_clause is not None:
                self.the_loudspeaker_plays()
            else:
                self.time_goes_by(0.3)
            self.the_history_is_what_was_heard()
        assert self.talk.phase is Phase.IDLE


TestTalk = Talk.TestCase
TestTalk.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
