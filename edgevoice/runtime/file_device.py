"""A sound device made of files: a recording for a microphone, a recording of the loudspeaker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgevoice.backends.protocols import Samples
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.clock import AudioClock, Clock
from edgevoice.runtime.loudspeaker import Loudspeaker
from edgevoice.runtime.microphone import Microphone
from edgevoice.runtime.wav import WavWriter

TICK_S = 0.02
"""Length of a block, as a sound card would deliver it."""


class FileDevice:
    """Feeds ``samples`` to the microphone in real time, or as fast as the lanes follow.

    With an ``AudioClock`` the audio is the clock: a tick passes when all work that the last
    one caused is done, so the talk is the same at any speed of the machine. When the
    recording is over, silence follows, until ``stop``; with None for a recording there is
    silence from the first.
    """

    def __init__(
        self,
        samples: Samples | None,
        input_rate: int,
        output_rate: int,
        clock: Clock,
        activity: Activity,
        output: Path | None = None,
    ) -> None:
        self.input_rate = input_rate
        self.output_rate = output_rate
        self._samples = np.zeros(0, np.float32) if samples is None else samples
        self._endless = samples is None
        self._clock = clock
        self._activity = activity
        self._writer = WavWriter(output, output_rate) if output else None
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
        """End, and complete the output file."""
        self._stopped.set()
        if self._thread:
            self._thread.join()
        if self._writer:
            self._writer.close()

    def _work(
        self, microphone: Microphone, loudspeaker: Loudspeaker, wake: Callable[[], None]
    ) -> None:
        start_at = self._clock.now()
        read_block = round(TICK_S * self.input_rate)
        out = np.zeros(round(TICK_S * self.output_rate), np.float32)
        tick = 0
        while not self._stopped.is_set():
            self._pass_time(start_at + (tick + 1) * TICK_S)
            block = self._samples[tick * read_block : (tick + 1) * read_block]
            ended = len(block) < read_block and not self._endless
            block = np.pad(block, (0, read_block - len(block)))
            loudspeaker.fill(out, start_at + tick * TICK_S)
            if self._writer:
                self._writer.write(out)
            microphone.write(block, start_at + (tick + 1) * TICK_S)
            if ended and not microphone.ended:
                microphone.end()
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
