"""How long each stage of a turn took, from its events."""

from __future__ import annotations

from collections.abc import Sequence

from edgevoice.core.commands import Command, Generate, PlayVoice
from edgevoice.core.events import (
    ClauseVoiced,
    ClauseWritten,
    Event,
    SpeechEnded,
    TranscriptReady,
    VoiceStarted,
)


class StageTimes:
    """Watches steps; after ``VoiceStarted`` it knows the turn's stages, in seconds.

    endpoint: from the end of speech until the turn was held to be over.
    stt: from the VAD's fall to the transcript.
    llm: from the prompt to the first clause. tts: from that clause to its first audio.
    voice to voice: from the end of speech to the first audible sample.
    Stages overlap where work is done ahead; only the last is what the user waits.
    """

    def __init__(self) -> None:
        self._until: float | None = None
        self._marks: dict[str, float] = {}

    def step(self, event: Event, commands: Sequence[Command]) -> dict[str, float] | None:
        """Take a step; return the stages when the reply becomes audible, else None."""
        match event:
            case SpeechEnded(at=at, until=until):
                self._until = until
                self._marks = {"fell": at}
            case TranscriptReady(at=at):
                self._marks["heard"] = at
            case ClauseWritten(at=at, clause=0):
                self._marks["written"] = at
            case ClauseVoiced(at=at, clause=0):
                self._marks["voiced"] = at
            case VoiceStarted(at=at):
                self._marks["audible"] = at
                return self._stages()
            case _:
                pass
        for command in commands:
            if isinstance(command, Generate):
                self._marks["asked"] = event.at
            if isinstance(command, PlayVoice):
                self._marks["over"] = event.at
        return None

    def _stages(self) -> dict[str, float]:
        spans = {
            "endpoint": (self._until, self._marks.get("over")),
            "stt": (self._marks.get("fell"), self._marks.get("heard")),
            "llm": (self._marks.get("asked"), self._marks.get("written")),
            "tts": (self._marks.get("written"), self._marks.get("voiced")),
            "voice to voice": (self._until, self._marks.get("audible")),
        }
        self._until, self._marks = None, {}
        return {
            name: end - start
            for name, (start, end) in spans.items()
            if start is not None and end is not None
        }
