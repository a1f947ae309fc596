"""The simulated lanes' jobs: how much work each order is, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bench.simulate.lanes import Job, Lanes
from bench.simulate.user import User
from bench.simulate.voice import TOKENS_A_WORD, WORD_S, Voice
from edgevoice.core.bundle import Role
from edgevoice.core.events import (
    ClauseVoiced,
    ClauseWritten,
    Event,
    JobFailed,
    ReplyWritten,
    TranscriptReady,
    TurnEndScored,
    WordsStable,
)
from edgevoice.core.rung import Rung, Speed
from edgevoice.core.words import Look
from edgevoice.runtime.device.file import DeviceFile

SCORE_S = 0.03
"""Work of the turn-end model (assumed)."""

READ_AGAIN_TOKENS = 250
"""Of the talk so far: what another model has to read first (assumed)."""


NO_TURN = -1
"""Work that is of no turn: what a model that was loaded needs to know."""


class Post(Protocol):
    """Where events go."""

    now: float

    def post(self, event: Event, seconds: float = 0.0) -> None:
        """Let ``event`` arrive after ``seconds``."""
        ...


class Desk:
    """Makes jobs of what the conversation orders, at the speed of the models that are loaded."""

    def __init__(
        self,
        world: Post,
        told: DeviceFile,
        rungs: dict[str, Rung],
        lanes: Lanes,
        user: User,
        voice: Voice,
    ) -> None:
        self._world = world
        self._told = told
        self._rungs = rungs
        self._lanes = lanes
        self._user = user
        self._voice = voice
        self._bundles: dict[Role, str] = {}
        self._threads: dict[Role, int] = {}
        self._measured: dict[str, Speed] = {}
        self._read_words = 0
        self._unread = float(READ_AGAIN_TOKENS)

    # The models.

    @property
    def held_mb(self) -> float:
        """What the models take."""
        return sum(map(self.mb, self._bundles.values()))

    def mb(self, bundle: str) -> float:
        """Return what a bundle takes."""
        return self._rungs[bundle].needs[0].mb

    def take(self, role: Role, bundle: str, threads: int, *, knowing: bool = False) -> None:
        """Use a model from now on; one that is ``knowing`` need not read the talk so far."""
        self._bundles[role], self._threads[role] = bundle, threads
        if role is Role.LLM and not knowing:
            self._unread, self._read_words = float(READ_AGAIN_TOKENS), 0
            self.read(NO_TURN, 0)

    def drop(self, role: Role) -> None:
        """Use the model of ``role`` no longer."""
        self._bundles.pop(role, None)

    def set_threads(self, role: Role, threads: int) -> None:
        """Compute with so many threads from the next job on."""
        self._threads[role] = threads

    def load(
        self, bundle: str, seconds: float, loaded: Callable[[], None], *, beside: bool
    ) -> None:
        """Read a model in: beside the old one, the talk so far as well, or while its lane waits."""
        if beside and seconds and (read_tps := self._told.bundles[bundle].speed.on(1).read_tps):
            seconds += READ_AGAIN_TOKENS / read_tps
        self._lanes.submit("load" if beside else "llm", Job(NO_TURN, 1).then(seconds, loaded))

    def take_measured(self) -> dict[str, Speed]:
        """Return the speeds of the turn, and begin anew."""
        measured, self._measured = self._measured, {}
        return measured

    def _speed(self, role: Role) -> Speed:
        speed = self._told.bundles[self._bundles[role]].speed
        return speed.on(self._threads[role]) if role is Role.LLM else speed

    # The orders.

    def new_utterance(self) -> None:
        """Know that nothing was read yet of what is said from now on."""
        self._read_words = 0

    def transcribe(self, turn: int, since: float, *, partial: bool) -> None:
        """Turn what was said since ``since`` into words."""
        begun = self._world.now
        length_s = max(0.1, begun - since)
        words, stt = self._user.words(since, begun), self._bundles[Role.STT]

        def done() -> None:
            now = self._world.now
            if partial:
                stable = max(0, words - 1)
                self._world.post(WordsStable(now, turn, stable, _text(stable)))
            else:
                self._measured[stt] = Speed(rtf=max((now - begun) / length_s, 1e-4))
                self._world.post(TranscriptReady(now, turn, Look(words=words), _text(words)))

        work_s = self._speed(Role.STT).rtf * length_s
        self._lanes.submit("stt", Job(turn, 1, guess=partial).then(work_s, done))

    def score(self, turn: int) -> None:
        """Say whether the user is done: rightly."""
        now = self._world.now
        if Role.TURN not in self._bundles:
            self._world.post(JobFailed(now, turn, "turn"))
            return
        sure = 0.97 if now > self._user.until else 0.1

        def done() -> None:
            self._world.post(TurnEndScored(self._world.now, turn, sure))

        self._lanes.submit("turn", Job(turn, 1).then(SCORE_S, done))

    def read(self, turn: int, words: int) -> None:
        """Read the prompt up to so many words of the question, on a guess."""
        job = Job(turn, self._threads[Role.LLM], guess=True)
        self._lanes.submit("llm", self._reading(job, words))

    def write(self, turn: int, words: int) -> None:
        """Write a reply to a question of so many words."""
        llm, speed = self._bundles[Role.LLM], self._speed(Role.LLM)
        clauses = self._user.reply()
        job = self._reading(Job(turn, self._threads[Role.LLM]), words)
        begun: list[float] = []
        job.then(0.0, lambda: begun.append(self._world.now))
        for number, length in enumerate(clauses):
            work_s = length * TOKENS_A_WORD / speed.write_tps
            job.then(work_s, self._written(turn, number, length, llm))

        def end() -> None:
            took_s = max(1e-6, self._world.now - begun[0])
            tps = sum(clauses) * TOKENS_A_WORD / took_s
            self._measured[llm] = Speed(write_tps=tps, threads=speed.threads)
            self._world.post(ReplyWritten(self._world.now, turn, len(clauses)))

        self._lanes.submit("llm", job.then(0.0, end))

    def speak(self, turn: int, clause: int, words: int) -> None:
        """Make the sound of a clause."""

        def voiced() -> None:
            self._voice.add(turn, words)
            self._world.post(ClauseVoiced(self._world.now, turn, clause))

        work_s = self._speed(Role.TTS).rtf * words * WORD_S
        self._lanes.submit("tts", Job(turn, 1).then(work_s, voiced))

    def _written(self, turn: int, number: int, length: int, llm: str) -> Callable[[], None]:
        def written() -> None:
            self._voice.writer[turn, number] = llm
            self._world.post(ClauseWritten(self._world.now, turn, number, length, _text(length)))

        return written

    def _reading(self, job: Job, words: int) -> Job:
        """Add to ``job`` the reading of what is not in the LLM's cache yet."""
        tokens = self._unread + max(0, words - self._read_words) * TOKENS_A_WORD

        def known() -> None:
            self._unread, self._read_words = 0.0, max(self._read_words, words)

        return job.then(tokens / self._speed(Role.LLM).read_tps, known)


def _text(words: int) -> str:
    return " ".join(["word"] * words)
