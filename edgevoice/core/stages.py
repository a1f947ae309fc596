"""How long each stage of a turn took, from its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgevoice.core.commands import Command, Generate, PlayVoice
from edgevoice.core.events import (
    ClauseVoiced,
    ClauseWritten,
    Event,
    SpeechEnded,
    TranscriptReady,
    VoiceStarted,
)


@dataclass(slots=True)
class TurnTimes:
    """When a turn reached each mark, in seconds on the conversation's clock; None if it did not.

    Attributes:
        until: the user fell silent, by the VAD.
        fell: the VAD had noticed.
        heard: the transcript was there.
        asked: the reply was ordered.
        written: its first clause was there.
        voiced: the clause's first audio was there.
        over: the turn was held to be over.
        audible: the first sample was heard.

    """

    until: float | None = None
    fell: float | None = None
    heard: float | None = None
    asked: float | None = None
    written: float | None = None
    voiced: float | None = None
    over: float | None = None
    audible: float | None = None

    def stages(self) -> dict[str, float]:
        """Return how long each stage took, in seconds.

        endpoint: from the end of speech until the turn was held to be over.
        stt: from the VAD's fall to the transcript.
        llm: from the order to the first clause. tts: from that clause to its first audio.
        voice to voice: from the end of speech to the first audible sample.
        Stages overlap where work is done ahead; only the last is what the user waits.
        """
        spans = {
            "endpoint": (self.until, self.over),
            "stt": (self.fell, self.heard),
            "llm": (self.asked, self.written),
            "tts": (self.written, self.voiced),
            "voice to voice": (self.until, self.audible),
        }
        return {
            name: end - start
            for name, (start, end) in spans.items()
            if start is not None and end is not None
        }


class StageWatch:
    """Watches the steps of a conversation."""

    def __init__(self) -> None:
        self._now = TurnTimes()

    def step(self, event: Event, commands: Sequence[Command]) -> TurnTimes | None:
        """Take a step; return the turn's times when its reply becomes audible, else None."""
        match event:
            case SpeechEnded(at=at, until=until):
                self._now = TurnTimes(until=until, fell=at)
            case TranscriptReady(at=at):
                self._now.heard = at
            case ClauseWritten(at=at, clause=0):
                self._now.written = at
            case ClauseVoiced(at=at, clause=0):
                self._now.voiced = at
            case VoiceStarted(at=at):
                self._now.audible = at
                done, self._now = self._now, TurnTimes()
                return done
            case _:
                pass
        for command in commands:
            if isinstance(command, Generate):
                self._now.asked = event.at
            if isinstance(command, PlayVoice):
                self._now.over = event.at
        return None
