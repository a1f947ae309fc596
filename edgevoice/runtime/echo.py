"""Takes the assistant's own voice out of what the microphone hears."""

from __future__ import annotations

import numpy as np

from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.errors import BackendMissing
from edgevoice.runtime.microphone import Microphone
from edgevoice.runtime.resample import EarsResampler

FRAME = EARS_RATE // 100
"""WebRTC's canceller takes frames of 10 ms."""

SLACK_S = 0.02
"""The reference may lie this much beside its time before it is aligned anew: the canceller
follows small shifts by itself, and every jump makes it learn the room again."""

LAG_S = 0.01
"""The reference is given this much late, so that a block that comes late is still there in time.
An echo always comes later than that: the sound card alone takes longer."""

KEPT_S = 1.0
"""Of the loudspeaker's past, for a microphone that is late."""


class EchoCanceller:
    """WebRTC's echo canceller (AEC3), fed with the loudspeaker's own samples.

    The loudspeaker's thread feeds ``reference``; ``clean`` is the ears'. What is played at a
    time is given to the canceller beside what is heard at that time; the way through the
    sound card and the room, up to a few hundred milliseconds, it measures itself.
    """

    def __init__(self, output_rate: int) -> None:
        try:
            from pywebrtc_audio import EchoCanceller as WebRtc
        except ImportError as error:
            raise BackendMissing("pywebrtc-audio", extra="echo") from error
        self.reference = Microphone(output_rate, _nobody)
        """To be fed with what the loudspeaker plays."""
        self._canceller = WebRtc(sample_rate=EARS_RATE)
        self._resampler = EarsResampler(output_rate)
        self._far = np.zeros(0, np.float32)
        self._far_end_at = 0.0
        self._offset: int | None = None
        self._near_rest = np.zeros(0, np.float32)

    def clean(self, near: Samples, end_at: float) -> Samples:
        """Return ``near`` (16 kHz, ended at ``end_at``) without echo, in whole frames.

        What does not fill a frame comes with the next call.
        """
        self._hear_reference()
        near = np.concatenate([self._near_rest, near])
        whole = len(near) // FRAME * FRAME
        near, self._near_rest = near[:whole], near[whole:]
        if not whole:
            return near
        far = self._beside(end_at - len(self._near_rest) / EARS_RATE, whole)
        cleaned: Samples = self._canceller.process(near, far)
        return cleaned

    def _hear_reference(self) -> None:
        played, end_at = self.reference.read()
        if len(played):
            heard = self._resampler.resample(played)
            self._far = np.concatenate([self._far, heard])[-round(KEPT_S * EARS_RATE) :]
            self._far_end_at = end_at
            if self._offset is not None:
                self._offset += len(heard)

    def _beside(self, end_at: float, samples: int) -> Samples:
        """Return what was played while the ``samples`` until ``end_at`` were heard.

        ``_offset`` counts how many samples of the reference lie after those used last.
        """
        due = round((self._far_end_at - end_at + LAG_S) * EARS_RATE)
        after = due if self._offset is None else self._offset - samples
        if after < 0 or abs(after - due) > SLACK_S * EARS_RATE:
            after = max(0, due)
        self._offset = after
        end = len(self._far) - after
        start = end - samples
        far = self._far[max(0, start) : max(0, end)]
        lead = min(samples, max(0, -start))
        return np.pad(far, (lead, samples - lead - len(far)))


def _nobody() -> None:
    """Nobody waits for the reference."""
