"""The ears lane: VAD on every frame, and the turn-end model when it is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np

from edgevoice.backends.protocols import EARS_RATE, Samples, TurnEnd, Vad
from edgevoice.core.events import Event, InputEnded, JobFailed, TurnEndScored
from edgevoice.core.speech_detector import SpeechDetector
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.clock import Clock
from edgevoice.runtime.echo import EchoCanceller
from edgevoice.runtime.heard import Heard
from edgevoice.runtime.microphone import Microphone
from edgevoice.runtime.resample import EarsResampler

SILENCE_DB = -90.0
"""Level shown for digital silence."""


def _nobody(level_db: float) -> None:
    del level_db


def _unheard(frame: Samples) -> None:
    del frame


def _always(frame: Samples) -> bool:
    del frame
    return True


@dataclass(frozen=True, slots=True)
class _Score:
    model: TurnEnd
    turn: int
    since: float


_AUDIO = object()


class Ears:
    """A thread of its own, because the VAD is hard real time: nothing else may delay it.

    Scoring a turn's end is the one exception: it takes about as long as a frame, and its
    answer is worth more than the next frame's.
    """

    def __init__(
        self,
        vad: Vad,
        turn_end: TurnEnd | None,
        detector: SpeechDetector,
        heard: Heard,
        rate: int,
        echo: EchoCanceller | None,
        post: Callable[[Event], None],
        clock: Clock,
        activity: Activity,
    ) -> None:
        self.on_level: Callable[[float], None] = _nobody
        """Told the level of every frame in dB of full scale, in the ears' thread."""
        self.on_frame: Callable[[Samples], None] = _unheard
        """Given every frame (16 kHz), in the ears' thread."""
        self.lets_in: Callable[[Samples], bool] = _always
        """Asked about every frame, in the ears' thread, whether speech in it is for us."""
        self._vad = vad
        self.turn_end = turn_end
        """Scores the ends of turns; may be exchanged, or be none, between two scores."""
        self._detector = detector
        self._heard = heard
        self._post = post
        self._clock = clock
        self._activity = activity
        self._queue: SimpleQueue[object] = SimpleQueue()
        self.microphone = Microphone(rate, self._notify)
        """To be fed by the sound device, at the rate it was given."""
        self._resampler = EarsResampler(rate) if rate != EARS_RATE else None
        self._echo = echo
        self._rest = np.zeros(0, np.float32)
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="ears", daemon=True)

    def start(self) -> None:
        """Start to listen."""
        self._thread.start()

    def score(self, turn: int, since: float) -> None:
        """Let the turn-end model judge what was heard since ``since``."""
        if self.turn_end:
            self._put(_Score(self.turn_end, turn, since))

    def close(self) -> None:
        """End the thread."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(2.0)

    def _notify(self) -> None:
        self._put(_AUDIO)

    def _put(self, item: object) -> None:
        self._activity.begin()
        self._queue.put(item)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, _Score):
                self._judge(item)
            else:
                self._listen()
            self._activity.end()

    def _listen(self) -> None:
        samples, end_at = self.microphone.read()
        if self._resampler:
            samples = self._resampler.resample(samples)
        if self._echo:
            samples = self._echo.clean(samples, end_at)
        self._rest = np.concatenate([self._rest, samples])
        size = self._vad.frame_samples
        while len(self._rest) >= size:
            frame, self._rest = self._rest[:size], self._rest[size:]
            self._hear(frame, end_at - len(self._rest) / EARS_RATE)
        if self.microphone.ended and not self._ended:
            self._ended = True
            self._post(InputEnded(self._clock.now()))

    def _hear(self, frame: Samples, end_at: float) -> None:
        self._heard.append(frame, end_at)
        self.on_frame(frame)
        power = float(np.mean(np.square(frame)))
        level_db = max(SILENCE_DB, 10 * float(np.log10(power + 1e-12)))
        self.on_level(level_db)
        if not self.lets_in(frame):
            return
        probability = self._vad.probability(frame)
        event = self._detector.step(probability, level_db, end_at, self._clock.now())
        if event:
            self._post(event)

    def _judge(self, score: _Score) -> None:
        try:
            probability = score.model.probability(self._heard.since(score.since))
            self._post(TurnEndScored(self._clock.now(), score.turn, probability))
        except Exception as error:  # noqa: BLE001 - hearing goes on without the turn-end model
            self._post(JobFailed(self._clock.now(), score.turn, "turn", repr(error)))
