"""A sound device made of files: a recording for a microphone, a recording of the loudspeaker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from edgevoice.backends.protocols import Samples
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.clock import AudioClock, Clock
from edgevoice.runtime.loudspeaker import Loudspeaker
from edgevoice.runtime.microphone import Microphone

TICK_S = 0.02
"""Length of a block, as a sound card would deliver it."""


class Source(Protocol):
    """What the microphone of a ``FileDevice`` hears. Used from the device's thread."""

    ended: bool
    """Nothing more will come but silence."""

    def read(self, samples: int) -> Samples:
        """Return the next ``samples`` samples."""
        ...


AFTERWARDS_S = 2.0
"""Silence after a recording that still belongs to it: time to decide that the turn is over."""


class Recording:
    """A recording at ``rate`` Hz, and silence after it."""

    def __init__(self, samples: Samples, rate: int) -> None:
        self.ended = False
        self._samples = samples
        self._end = len(samples) + round(AFTERWARDS_S * rate)
        self._at = 0

    def read(self, samples: int) -> Samples:
        """Return the next ``samples`` samples."""
        block = self._samples[self._at : self._at + samples]
        self._at += samples
        self.ended = self._at >= self._end
        return np.pad(block, (0, samples - len(block)))


class Silence:
    """A room in which nobody speaks."""

    ended = False

    def read(self, samples: int) -> Samples:
        """Return ``samples`` zeros."""
        return np.zeros(samples, np.float32)


class Sink(Protocol):
    """Where the loudspeaker's sound goes. Used from the device's thread."""

    def write(self, samples: Samples) -> None:
        """Take the next block; it is only valid during the call."""
        ...

    def close(self) -> None:
        """Complete what was written."""
        ...


class FileDevice:
    """Feeds a source to the microphone in real time, or as fast as the lanes follow.

    With an ``AudioClock`` the audio is the clock: a tick passes when all work that the last
    one caused is done, so the talk is the same at any speed of the machine.
    """

    def __init__(
        self,
        source: Source,
        input_rate: int,
        output_rate: int,
        clock: Clock,
        activity: Activity,
        sink: Sink | None = None,
    ) -> None:
        self.input_rate = input_rate
        self.output_rate = output_rate
        self._source = source
        self._clock = clock
        self._activity = activity
        self._sink = sink
        self.started_at = 0.0
        """Time on the clock at which the first sample of both directions lies."""
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(
        self, microphone: Microphone, loudspeaker: Loudspeaker, wake: Callable[[], None]
    ) -> None:
        """Begin to move audio, in a thread of its own."""
        self._thread = threading.Thread(
            target=self._work, args=(microphone, loudspeaker, wake), name="file-device", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End, and complete the sink."""
        self._stopped.set()
        if self._thread:
            self._thread.join()
        if self._sink:
            self._sink.close()

    def _work(
        self, microphone: Microphone, loudspeaker: Loudspeaker, wake: Callable[[], None]
    ) -> None:
        start_at = self.started_at = self._clock.now()
        read_block = round(TICK_S * self.input_rate)
        out = np.zeros(round(TICK_S * self.output_rate), np.float32)
        tick = 0
        while not self._stopped.is_set():
            self._pass_time(start_at + (tick + 1) * TICK_S)
            loudspeaker.fill(out, start_at + tick * TICK_S)
            if self._sink:
                self._sink.write(out)
            microphone.write(self._source.read(read_block), start_at + (tick + 1) * TICK_S)
            if self._source.ended and not microphone.ended:
                microphone.end()
            if isinstance(self._clock, AudioClock):
                wake()
            tick += 1

    def _pass_time(self, until: float) -> None:
        """Let the time of a tick go by."""
        if isinstance(self._clock, AudioClock):
            while not self._activity.wait_idle(0.1) and not self._stopped.is_set():
                pass
            self._clock.advance_to(until)
        else:
            time.sleep(max(0.0, until - self._clock.now()))
