"""From a probability and a level per frame to "speech started" and "speech ended"."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from edgevoice.core.events import SpeechEnded, SpeechStarted


@dataclass(slots=True)
class SpeechDetector:
    """Hysteresis over the VAD's frames.

    Speech starts with ``start_frames`` of the last ``start_frames + 1`` frames at or over
    ``threshold``, so that a click of one frame is none; with a third frame it takes 30 ms longer
    until the voice gives way to a user (``bench.echo``). It ends after ``end_frames`` frames in a
    row under ``threshold - 0.15``, but never under less than 0.01 (the makers' own hysteresis for
    Silero).

    Silero's probability takes 60 ms to decay, the voice itself does not: speech has ended as well
    with one frame under ``threshold + 0.2`` that is ``drop_db`` less loud than one shortly
    before. This guess is taken back at once: within ``resume_frames`` of an end, one frame at or
    over the same bound is speech again. ``python -m bench.ablation`` tells what the guess is worth.
    """

    frame_s: float
    threshold: float = 0.5
    start_frames: int = 2
    end_frames: int = 2
    drop_db: float = 15.0
    resume_frames: int = 8
    speaking: bool = False
    _recent: deque[bool] = field(init=False)
    _levels: deque[float] = field(default_factory=lambda: deque(maxlen=5))
    _quiet: int = 0
    _since_end: int = 0

    def __post_init__(self) -> None:
        self._recent = deque(maxlen=self.start_frames + 1)
        self._since_end = self.resume_frames

    def step(
        self, probability: float, level_db: float, frame_end: float, now: float
    ) -> SpeechStarted | SpeechEnded | None:
        """Take the next frame, which ended at ``frame_end`` and is processed at ``now``.

        ``level_db`` is its mean power in dB, of whatever.
        """
        dropped = level_db < max(self._levels, default=level_db) - self.drop_db
        self._levels.append(level_db)
        fading = min(self.threshold + 0.2, 0.99)
        if self.speaking:
            quiet = probability < max(self.threshold - 0.15, 0.01)
            self._quiet = self._quiet + 1 if quiet else 0
            if self._quiet >= self.end_frames:
                return self._end(self.end_frames, frame_end, now)
            return self._end(1, frame_end, now) if dropped and probability < fading else None
        self._recent.append(probability >= self.threshold)
        self._since_end += 1
        if self._since_end <= self.resume_frames and probability >= fading:
            return self._start(1, frame_end, now)
        if sum(self._recent) < self.start_frames:
            return None
        return self._start(len(self._recent) - list(self._recent).index(True), frame_end, now)

    def _start(self, frames: int, frame_end: float, now: float) -> SpeechStarted:
        self._reset(speaking=True)
        return SpeechStarted(at=now, since=frame_end - frames * self.frame_s)

    def _end(self, frames: int, frame_end: float, now: float) -> SpeechEnded:
        self._reset(speaking=False)
        self._since_end = 0
        return SpeechEnded(at=now, until=frame_end - frames * self.frame_s)

    def _reset(self, *, speaking: bool) -> None:
        self.speaking = speaking
        self._quiet = 0
        self._recent.clear()
