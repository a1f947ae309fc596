"""Whole conversations in virtual time: the core, with a model of the lanes around it.

A test says what the user does and which lane breaks, runs the simulation, and asks what
was ordered when, and what was heard. After each step the simulation checks what must
hold in every conversation (``_check``), and at its end that nothing is stuck.

Results of cancelled work still arrive, as late as they would have: the conversation has
to drop them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from operator import itemgetter
from typing import TypeVar

from edgevoice.core.commands import (
    CancelTurn,
    Command,
    EndSession,
    Generate,
    HoldVoice,
    PlayVoice,
    Prefill,
    ResumeVoice,
    ScoreTurnEnd,
    SetTimer,
    Speak,
    Transcribe,
    TranscribePartial,
)
from edgevoice.core.conversation import Conversation, Phase
from edgevoice.core.events import (
    ClauseVoiced,
    ClauseWritten,
    Event,
    InputEnded,
    ReplyWritten,
    SpeechEnded,
    SpeechStarted,
    TimerFired,
    TranscriptReady,
    TurnEndScored,
    Typed,
    WordsStable,
)
from edgevoice.core.speculation import Speculation
from edgevoice.core.turn_taking import TurnTaking
from edgevoice.core.words import look
from tests.sim_lanes import Lane, Loudspeaker

Item = TypeVar("Item")

QUESTION = "What is the time?"

RULES = TurnTaking(sure_s=0.2, unsure_s=1.2, blind_s=0.7, sure_above=0.8, unsure_below=0.3)
"""Round times, which do not change when constants are fitted anew."""


def instants(since: float, until: float, every: float = 0.05) -> list[float]:
    """Times to sweep over, both ends included."""
    return [round(since + every * i, 3) for i in range(round((until - since) / every) + 1)]


@dataclass(frozen=True)
class Pace:
    """How long each lane takes, in seconds."""

    onset_s: float = 0.0
    """From the beginning of speech until the ears say so."""
    offset_s: float = 0.0
    """From the end of speech until the ears say so."""
    stt_s: float = 0.1
    turn_s: float = 0.05
    llm_s: float = 0.2
    """To the first clause."""
    clause_s: float = 0.1
    """To each further clause, and to the end of the reply."""
    tts_s: float = 0.1
    word_s: float = 0.3
    """To speak a word."""
    stall_s: float = 5.0
    """After which a lane that does not answer is given up."""


@dataclass(frozen=True)
class Utterance:
    """What the user says, or the noise they make when ``text`` is empty."""

    since: float
    until: float
    text: str
    probability: float

    def words_until(self, time: float) -> str:
        """The words of it that were said by ``time``."""
        words = self.text.split()
        share = (time - self.since) / (self.until - self.since)
        return " ".join(words[: round(min(1.0, share) * len(words))])


class Simulation:
    """One conversation. Say what happens, ``run``, then look at ``log``, ``said`` and ``when``."""

    def __init__(
        self,
        replies: Sequence[Sequence[str]] = (("One two three.", "Four five six.", "Seven."),),
        *,
        speculation: Speculation = "off",
        rules: TurnTaking | None = None,
        pace: Pace | None = None,
        timers_first: bool = False,
    ) -> None:
        self.now = 0.0
        self.log: list[tuple[float, Event | Command]] = []
        """All events and commands with their times."""
        self.rules = rules or RULES
        self.pace = pace or Pace()
        self.conversation = Conversation("Be brief.", self.rules, speculation)
        self.cancelled: set[int] = set()
        self.loudspeaker = Loudspeaker(self)
        self._replies = list(replies)
        self._answers: dict[str, Sequence[str]] = {}
        self._utterances: list[Utterance] = []
        self._typed: list[tuple[float, str]] = []
        self._lanes = {stage: Lane(self, stage) for stage in ("stt", "turn", "llm", "tts")}
        self._timers: dict[str, float] = {}
        self._timer_priority = -1 if timers_first else 1
        self._heap: list[tuple[float, int, int, Callable[[], None]]] = []
        self._order = count()
        self._played: set[int] = set()

    # What happens.

    def user_speaks(
        self, since: float, until: float, text: str = QUESTION, *, probability: float = 0.999
    ) -> None:
        """Speech, for which the turn-end model will say ``probability``."""
        self._utterances.append(Utterance(since, until, text, probability))
        start, end = since + self.pace.onset_s, until + self.pace.offset_s
        self.post(SpeechStarted(at=start, since=since))
        self.post(SpeechEnded(at=end, until=until))

    def user_coughs(self, since: float, until: float) -> None:
        """A noise without words."""
        self.user_speaks(since, until, "", probability=0.5)

    def user_types(self, at: float, text: str) -> None:
        """A typed message."""
        self._typed.append((at, text))
        self.post(Typed(at, text))

    def input_ends(self, at: float) -> None:
        """The end of the recording; nobody says when an utterance that it cuts off ends."""
        self._heap = [e for e in self._heap if e[0] <= at]
        heapq.heapify(self._heap)
        self.post(InputEnded(at))

    def breaks(self, stage: str, *, job: int = 1, after: int = 0) -> None:
        """Let the lane's ``job``-th job fail, once it has yielded ``after`` results."""
        self._lanes[stage].faults[job] = (after, False)

    def hangs(self, stage: str, *, job: int = 1, after: int = 0) -> None:
        """Let the lane's ``job``-th job yield ``after`` results and then nothing any more."""
        self._lanes[stage].faults[job] = (after, True)

    def run(self) -> Simulation:
        """Let it all happen. Fails if the conversation is stuck at the end."""
        while self._heap:
            self.now, _, _, happen = heapq.heappop(self._heap)
            happen()
        assert self.conversation.phase is Phase.IDLE, f"stuck: {self.conversation.phase}"
        return self

    # What came of it.

    def when(self, kind: type) -> list[float]:
        """The times of all events or commands of a kind."""
        return [at for at, item in self.log if isinstance(item, kind)]

    def of(self, kind: type[Item]) -> list[Item]:
        """All events or commands of a kind."""
        return [item for _, item in self.log if isinstance(item, kind)]

    @property
    def said(self) -> list[tuple[str, str]]:
        """The history with the present turn, as pairs of who and what."""
        return [(message.role, message.text) for message in self.conversation.said]

    @property
    def heard(self) -> str:
        """All that the loudspeaker ever played, to the word."""
        return " ".join(self.loudspeaker.heard)

    # How it happens.

    def call(self, at: float, happen: Callable[[], None], priority: int = 0) -> None:
        """Let ``happen`` be called at the time ``at``."""
        at = max(self.now, round(at, 6))
        heapq.heappush(self._heap, (at, priority, next(self._order), happen))

    def post(self, event: Event) -> None:
        """Let ``event`` arrive when its time has come."""
        self.call(event.at, lambda: self.take(event))

    def take(self, event: Event) -> None:
        """Let ``event`` arrive now."""
        event = replace(event, at=max(self.now, event.at))
        if isinstance(event, ClauseVoiced):
            self.loudspeaker.add(event.turn, event.clause)
        self.log.append((self.now, event))
        commands = self.conversation.step(event)
        for command in commands:
            self.log.append((self.now, command))
            self._check_order(command)
            self._obey(command)
        self._check()

    def _obey(self, command: Command) -> None:
        lanes, pace = self._lanes, self.pace
        match command:
            case Transcribe(turn=turn, since=since):
                text = self._words_since(since)
                lanes["stt"].submit(
                    turn, lambda at: [TranscriptReady(at + pace.stt_s, turn, look(text), text)]
                )
            case TranscribePartial(turn=turn, since=since):
                words = self._words_since(since).split()[:-1]
                self.post(WordsStable(self.now + pace.stt_s, turn, len(words), " ".join(words)))
            case ScoreTurnEnd(turn=turn, since=since):
                score = self._utterances_so_far(since)[-1].probability
                lanes["turn"].submit(
                    turn, lambda at: [TurnEndScored(at + pace.turn_s, turn, score)]
                )
            case Generate(turn=turn, messages=messages):
                lanes["llm"].submit(turn, lambda at: self._write(at, turn, messages[-1].text))
            case Speak(turn=turn, clause=clause, text=text):
                self.loudspeaker.texts[turn, clause] = text
                lanes["tts"].submit(turn, lambda at: [ClauseVoiced(at + pace.tts_s, turn, clause)])
            case PlayVoice(turn=turn):
                self.loudspeaker.play(turn)
            case HoldVoice():
                self.loudspeaker.hold()
            case ResumeVoice():
                self.loudspeaker.resume()
            case CancelTurn(turn=turn):
                self.cancelled.add(turn)
                self.loudspeaker.drop(turn)
                for lane in lanes.values():
                    lane.cancel(turn)
            case SetTimer(name=name, at=at):
                self._timers[name] = at
                self.call(at, lambda: self._fire(name, at), self._timer_priority)
            case Prefill() | EndSession():
                pass

    def _fire(self, name: str, at: float) -> None:
        if self._timers.get(name) == at:
            del self._timers[name]
            self.take(TimerFired(at, name))

    def _write(self, at: float, turn: int, question: str) -> list[Event]:
        if question not in self._answers:
            self._answers[question] = self._replies[min(len(self._answers), len(self._replies) - 1)]
        clauses = self._answers[question]
        events: list[Event] = []
        for number, text in enumerate(clauses):
            written_at = at + self.pace.llm_s + number * self.pace.clause_s
            events.append(ClauseWritten(written_at, turn, number, len(text.split()), text))
        end = at + self.pace.llm_s + len(clauses) * self.pace.clause_s
        return [*events, ReplyWritten(end, turn, len(clauses))]

    def _utterances_so_far(self, since: float) -> list[Utterance]:
        heard = (u for u in self._utterances if u.until > since and u.since < self.now)
        return sorted(heard, key=lambda utterance: utterance.since)

    def _words_since(self, since: float) -> str:
        heard = (u.words_until(self.now) for u in self._utterances_so_far(since))
        return " ".join(words for words in heard if words)

    # What holds in every conversation.

    def _check_order(self, command: Command) -> None:
        turn = getattr(command, "turn", None)
        assert turn not in self.cancelled, f"{command} after the turn was cancelled"
        if isinstance(command, PlayVoice):
            assert turn not in self._played, f"{command} twice"
            self._played.add(command.turn)

    def _check(self) -> None:
        phase = self.conversation.phase
        assert not self.loudspeaker.sounding or phase is Phase.REPLYING, f"voice while {phase}"
        replies = [text for who, text in self.said if who == "assistant"]
        assert " ".join(replies) == self.heard, "the history is not what was heard"
        asked = " ".join(text for who, text in self.said if who == "user").split()
        assert is_subsequence(asked, self._words_of_the_user()), "words that nobody said"

    def _words_of_the_user(self) -> list[str]:
        spoken = [(each.since + self.pace.onset_s, each.text) for each in self._utterances]
        texts = [text for _, text in sorted([*spoken, *self._typed], key=itemgetter(0))]
        return " ".join(texts).split()


def is_subsequence(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Tell whether ``part`` is in ``whole`` in this order, each item no more often than there."""
    rest = iter(whole)
    return all(item in rest for item in part)
