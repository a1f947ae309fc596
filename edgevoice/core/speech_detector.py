"""From a probability per frame to "speech started" and "speech ended"."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from edgevoice.core.events import SpeechEnded, SpeechStarted


@dataclass(slots=True)
class SpeechDetector:
    """Hysteresis over the VAD's frames.

    Speech starts with ``start_frames`` of the last ``start_frames + 1`` frames at or over
    ``threshold``, so that a click of one frame is none; it ends after ``end_frames``
    frames in a row under ``threshold - 0.15``, but never under less than 0.01 (the makers' own
    hysteresis for Silero).
    """

    frame_s: float
    threshold: float = 0.5
    start_frames: int = 3
    end_frames: int = 2
    speaking: bool = False
    _recent: deque[bool] = field(init=False)
    _quiet: int = 0

    def __post_init__(self) -> None:
        self._recent = deque(maxlen=self.start_frames + 1)

    def step(
        self, probability: float, frame_end: float, now: float
    ) -> SpeechStarted | SpeechEnded | None:
        """Take the next frame, which ended at ``frame_end`` and is processed at ``now``."""
        if self.speaking:
            quiet = probability < max(self.threshold - 0.15, 0.01)
            self._quiet = self._quiet + 1 if quiet else 0
            if self._quiet < self.end_frames:
                return None
            self._reset(speaking=False)
            return SpeechEnded(at=now, until=frame_end - self.end_frames * self.frame_s)
        self._recent.append(probability >= self.threshold)
        if sum(self._recent) < self.start_frames:
            return None
        frames = len(self._recent) - list(self._recent).index(True)
        self._reset(speaking=True)
        return SpeechStarted(at=now, since=frame_end - frames * self.frame_s)

    def _reset(self, *, speaking: bool) -> None:
        self.speaking = speaking
        self._quiet = 0
        self._recent.clear()
