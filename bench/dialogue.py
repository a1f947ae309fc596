"""A talk on a script: recorded utterances said to the real assistant, in real time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import psutil

from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.core.commands import Command
from edgevoice.core.conversation import Conversation, Phase
from edgevoice.core.events import (
    EnergySpent,
    Event,
    ModelChanged,
    SessionBegan,
    SpeculationChanged,
    TranscriptReady,
    VoiceStarted,
)
from edgevoice.core.settings import Settings
from edgevoice.core.stages import StageWatch, TurnTimes
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.bundles.store import Store
from edgevoice.runtime.clock import RealClock
from edgevoice.runtime.file_device import FileDevice
from edgevoice.runtime.opening import assistant, opening

OUTPUT_RATE = 24_000

AUDIBLE = 0.003
"""Amplitude from which the reply counts as audible: -50 dB of full scale."""

SPEECH_DB = -40.0
"""A recording's speech ends with its last 10 ms louder than this, against its loudest 10 ms."""


def end_of_speech_s(samples: Samples) -> float:
    """Return the time in seconds at which the speech in a clean 16 kHz recording ends."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    level = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)
    return (int(np.nonzero(level > level.max() + SPEECH_DB)[0][-1]) + 1) / 100


def from_first_sound(samples: Samples) -> Samples:
    """Return a clean 16 kHz recording without the silence at its beginning."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    level = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)
    return samples[160 * int(np.argmax(level > level.max() + SPEECH_DB)) :]


@dataclass
class Turn:
    """One utterance of the script and what became of it. Times in seconds of the talk's clock."""

    said_at: float
    speech_end_at: float
    audible_at: float | None = None
    transcript: str = ""
    times: TurnTimes = field(default_factory=TurnTimes)
    cpu_s: float = 0.0
    energy: EnergySpent | None = None

    @property
    def cut_off(self) -> bool:
        """The reply was audible before the user had finished."""
        return self.audible_at is not None and self.audible_at < self.speech_end_at

    @property
    def voice_to_voice_s(self) -> float | None:
        """From the true end of speech to the first audible sample of the reply."""
        return None if self.audible_at is None else self.audible_at - self.speech_end_at


def silence(samples: int) -> Samples:
    """Return ``samples`` zeros."""
    return np.zeros(samples, np.float32)


class Script:
    """A source for a ``FileDevice``: the sound of a room, and what is to be said in it."""

    def __init__(self, background: Callable[[int], Samples] = silence) -> None:
        self.ended = False
        self._background = background
        self._said: deque[Samples] = deque()
        self._rest = np.zeros(0, np.float32)
        self._read_s = 0.0

    def say(self, samples: Samples) -> None:
        """Say ``samples`` (16 kHz) from the next block on."""
        self._said.append(samples)

    def read(self, samples: int) -> Samples:
        """Return the next ``samples`` samples."""
        if not len(self._rest) and self._said:
            self._rest = self._said.popleft()
        block, self._rest = self._rest[:samples], self._rest[samples:]
        return self._background(samples) + np.pad(block, (0, samples - len(block)))


class Tape:
    """Hears the loudspeaker: keeps when it was audible."""

    def __init__(self) -> None:
        self.blocks: list[Samples] = []

    def write(self, samples: Samples) -> None:
        """Keep a block."""
        self.blocks.append(samples.copy())

    def close(self) -> None:
        """Nothing is to be done."""

    def audible_after(self, start_s: float) -> float | None:
        """Return the time of the first audible sample from ``start_s`` on."""
        audio = np.concatenate(self.blocks)
        start = round(start_s * OUTPUT_RATE)
        loud = np.nonzero(np.abs(audio[start:]) > AUDIBLE)[0]
        return (start + int(loud[0])) / OUTPUT_RATE if len(loud) else None


class Talk:
    """The assistant in a talk with a script, on the loop's own thread; use it with ``with``.

    Attributes:
        conversation: what decides.
        models: the bundle of each role at present.
        speculation: what is done ahead at present.

    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        background: Callable[[int], Samples] = silence,
    ) -> None:
        self._script = Script(background)
        self._tape = Tape()
        self._clock = RealClock()
        activity = Activity()
        self._device = FileDevice(
            self._script, EARS_RATE, OUTPUT_RATE, self._clock, activity, self._tape
        )
        begun = opening(settings, store)
        self._notices: list[str] = []
        self._assistant = assistant(
            begun, self._device, self._clock, activity, self._notices.append
        )
        self.conversation = self._assistant.conversation
        self.models = {str(role): name for role, name in begun.names.items()}
        self.speculation = settings.turn.speculation
        self._gap_s = 0.0
        self._stages = StageWatch()
        self._turn = Turn(0.0, 0.0)
        self._begun = threading.Event()
        self._idle = threading.Event()
        self._audible = threading.Event()
        self._assistant.observers.append(self._observe)
        self._thread = threading.Thread(target=self._assistant.run, name="talk", daemon=True)

    def __enter__(self) -> Talk:
        self._thread.start()
        while not self._begun.wait(0.1) and self._thread.is_alive():
            pass
        return self

    def __exit__(self, *_: object) -> None:
        self._script.ended = True
        self._thread.join()

    def ask(self, samples: Samples, *, timeout_s: float = 60.0) -> Turn:
        """Say ``samples`` (16 kHz), wait until the reply was heard, return what became of it."""
        time.sleep(0.5)
        self._idle.clear()
        self._audible.clear()
        cpu = psutil.Process().cpu_times()
        said_at = self._clock.now()
        turn = self._turn = Turn(said_at, said_at + end_of_speech_s(samples))
        self._script.say(samples)
        if self._audible.wait(timeout_s):
            self._idle.wait(timeout_s)
        after = psutil.Process().cpu_times()
        turn.cpu_s = after.user + after.system - cpu.user - cpu.system
        start = self._device.started_at
        if (audible := self._tape.audible_after(said_at - start)) is not None:
            turn.audible_at = start + audible
        return turn

    def take_notices(self) -> list[str]:
        """Return what the user was told since the last call."""
        notices = list(self._notices)
        self._notices.clear()
        return notices

    def take_gap_s(self) -> float:
        """Return how long the voice stood still in the middle of a clause since the last call."""
        gap_s, self._gap_s = self._assistant.gap_s - self._gap_s, self._assistant.gap_s
        return gap_s

    def _observe(
        self, event: Event, commands: Sequence[Command], conversation: Conversation
    ) -> None:
        if times := self._stages.step(event, commands):
            self._turn.times = times
        match event:
            case TranscriptReady(text=text):
                self._turn.transcript = text
            case SessionBegan():
                self._begun.set()
            case SpeculationChanged(speculation=speculation):
                self.speculation = speculation
            case ModelChanged(stage=stage, bundle=bundle):
                self.models[stage] = bundle
            case EnergySpent():
                self._turn.energy = event
            case VoiceStarted():
                self._audible.set()
            case _:
                pass
        if conversation.phase is Phase.IDLE and self._audible.is_set():
            self._idle.set()
