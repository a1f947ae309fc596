"""A talk in which the assistant hardly ever falls silent, and hears itself from a room."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import soxr

from bench import turn_set_sounds as sounds
from bench import turn_set_voices as voices
from bench.dialogue import AUDIBLE
from bench.turn_set import REPLIES
from bench.turns_evidence import Models
from bench.turns_talk import FRAME_S
from edgevoice.backends import engines
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.commands import CancelTurn, Command, HoldVoice
from edgevoice.core.conversation import Conversation, Phase
from edgevoice.core.events import Event, InputEnded, Typed, VoiceStarted
from edgevoice.core.history import Message
from edgevoice.core.speech_detector import SpeechDetector
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.assistant import Assistant, Loaders
from edgevoice.runtime.bundles.store import Store
from edgevoice.runtime.clock import AudioClock
from edgevoice.runtime.file_device import FileDevice

SENTENCES = 3
"""In each reply."""

BETWEEN_S = 1.5
"""Silence until the next reply is asked for: the last echo falls into it, and the wait for it."""

ROOM_S = 60.0
"""Time in one room."""

NOISE_DB = -60.0
"""The room's noise, in dB of full scale."""

INTO_REPLY_S = (1.0, 4.0)
"""When an interruption begins."""

FADED_S = 0.06
"""The loudspeaker is silent this long after the order, unless the order is not obeyed."""

LONGEST_S = 4.0
"""An interruption that has not stopped the voice after this long was missed."""

CUE = "Go on."
"""Typed, to be told from what was heard."""


@dataclass(slots=True)
class Outcome:
    """What happened in a talk.

    Attributes:
        replies: how many were heard.
        turns: how many turns of somebody else are in the history.
        holds: how often the voice fell silent to listen.
        cancelled: how often it did not go on.
        interruptions: when each began, and when the loudspeaker fell silent, if it did for good.

    """

    replies: int
    turns: int
    holds: int
    cancelled: int
    interruptions: list[tuple[float, float | None]]


class Room:
    """Source and sink of a ``FileDevice``, both at 16 kHz: what is played is heard again."""

    ended = False

    def __init__(self, level_db: float) -> None:
        self.now = 0.0
        self.audible: list[float] = []
        """When each block ended in which the loudspeaker was heard, to the sample."""
        self.users: deque[tuple[float, Samples]] = deque()
        """What they say next, and when."""
        self.said_at: list[float] = []
        """When they said it."""
        self._level_db = level_db
        self._rng = np.random.default_rng(1)
        self._noise = sounds.at_db(sounds.room(self._rng, ROOM_S), NOISE_DB)
        self._response = np.zeros(1)
        self._echo = np.zeros(1, np.float32)
        self._said = np.zeros(0, np.float32)

    def write(self, samples: Samples) -> None:
        """Play the next block."""
        if self.now % ROOM_S < len(samples) / EARS_RATE:
            response = sounds.room_response(self._rng)
            power = float(np.sum(np.square(response)))
            self._response = response * 10 ** (self._level_db / 20) / np.sqrt(power)
        if len(loud := np.flatnonzero(np.abs(samples) > AUDIBLE)):
            self.audible.append(self.now + (int(loud[-1]) + 1) / EARS_RATE)
        came = np.convolve(samples, self._response).astype(np.float32)
        rest = self._echo
        self._echo = np.pad(came, (0, max(0, len(rest) - len(came))))
        self._echo[: len(rest)] += rest
        self.now += len(samples) / EARS_RATE

    def read(self, samples: int) -> Samples:
        """Return what the microphone hears while that block is played."""
        if self.users and self.users[0][0] <= self.now:
            self._said = self.users.popleft()[1]
            self.said_at.append(self.now - samples / EARS_RATE)
        at = round(self.now * EARS_RATE) % (len(self._noise) - samples)
        heard = self._noise[at : at + samples].copy()
        for sound in (self._echo[:samples], self._said[:samples]):
            heard[: len(sound)] += sound
        self._echo, self._said = self._echo[samples:], self._said[samples:]
        return heard

    def audible_at(self, at: float) -> bool:
        """Tell whether the loudspeaker was heard just then."""
        return any(at - 0.1 < heard <= at + 0.04 for heard in self.audible)

    def close(self) -> None:
        """Nothing is to be done."""


class Canned:
    """An LLM that has its replies ready."""

    context_tokens = 4096

    def __init__(self) -> None:
        self._sentences = cycle(REPLIES)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count none: all fits."""
        del messages
        return 0

    def prefill(self, messages: Sequence[Message], scope: CancelScope) -> int:
        """Have nothing to do."""
        del messages, scope
        return 0

    def reply(
        self, messages: Sequence[Message], max_tokens: int, scope: CancelScope
    ) -> Iterator[str]:
        """Yield the next sentences."""
        del messages, max_tokens
        for _ in range(SENTENCES):
            scope.check()
            yield next(self._sentences) + " "


class Remembered:
    """The assistant's voice (16 kHz), which makes each sound only once."""

    sample_rate = EARS_RATE

    def __init__(self) -> None:
        self._voice = engines.load(Store().get(voices.ASSISTANT))
        self._said: dict[str, Samples] = {}

    def synthesize(self, text: str, scope: CancelScope) -> Iterator[Samples]:
        """Yield all of it."""
        if text not in self._said:
            sound = np.concatenate(list(self._voice.synthesize(text, scope)))
            self._said[text] = soxr.resample(sound, self._voice.sample_rate, EARS_RATE)
        yield self._said[text]


class Talk:
    """The real assistant in a room where nobody else is, but for those who interrupt it."""

    def __init__(self, level_db: float, interruptions: Sequence[Samples] = ()) -> None:
        clock, activity = AudioClock(), Activity()
        self._room = Room(level_db)
        self._users = cycle(interruptions) if interruptions else None
        self._rng = np.random.default_rng(2)
        self._replies = 0
        self._held_at: list[float] = []
        self._cancelled_at: list[float] = []
        self._asked_at = 0.0
        self._was = Phase.IDLE
        models = Models(Store())
        self._conversation = Conversation("", speculation="draft")
        self._assistant = Assistant(
            self._conversation,
            Loaders(
                vad=lambda: models.vad,
                turn_end=lambda: models.turn_end,
                stt=lambda: models.stt,
                llm=Canned,
                tts=Remembered,
            ),
            FileDevice(self._room, EARS_RATE, EARS_RATE, clock, activity, self._room),
            clock,
            activity,
            detector=SpeechDetector(frame_s=FRAME_S),
            cancel_echo=True,
        )
        self._assistant.observers.append(self._observe)

    def run(self, seconds: float) -> Outcome:
        """Talk for ``seconds`` of audio."""
        self._end_s = seconds
        self._assistant.ears.on_level = self._ask
        self._assistant.run()
        users = [message for message in self._conversation.history if message.role == "user"]
        return Outcome(
            replies=self._replies,
            turns=sum(message.text != CUE for message in users),
            holds=len(self._held_at),
            cancelled=len(self._cancelled_at),
            interruptions=[
                (since, self._silent_after(since))
                for since in self._room.said_at
                if self._room.audible_at(since)
            ],
        )

    def _ask(self, level_db: float) -> None:
        """Ask for a reply when all has long been silent. Called for each frame that is heard."""
        del level_db
        last = max(self._asked_at, *self._room.audible[-1:], 0.0)
        if self._conversation.phase is not Phase.IDLE or self._room.now - last < BETWEEN_S:
            return
        self._asked_at = now = self._room.now
        self._assistant.post(Typed(now, CUE) if now < self._end_s else InputEnded(now))

    def _observe(
        self, event: Event, commands: Sequence[Command], conversation: Conversation
    ) -> None:
        was, self._was = self._was, conversation.phase
        for command in commands:
            match command:
                case HoldVoice():
                    self._held_at.append(event.at)
                case CancelTurn() if was is Phase.HELD:
                    self._cancelled_at.append(event.at)
                case _:
                    pass
        if isinstance(event, VoiceStarted):
            self._replies += 1
            if self._users:
                at = event.at + self._rng.uniform(*INTO_REPLY_S)
                self._room.users.append((at, next(self._users)))

    def _silent_after(self, since: float) -> float | None:
        """Return when the voice fell silent for good that was interrupted at ``since``."""
        if not any(since < at < since + LONGEST_S for at in self._cancelled_at):
            return None
        held_at = next(at for at in self._held_at if at > since)
        return max(at for at in self._room.audible if at < held_at + FADED_S)
