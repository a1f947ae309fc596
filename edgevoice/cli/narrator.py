"""Tells a view what happens in a talk."""

from __future__ import annotations

from collections.abc import Sequence

from edgevoice.cli.view import View
from edgevoice.core.commands import CancelTurn, Command, PlayVoice
from edgevoice.core.conversation import Conversation, Phase
from edgevoice.core.events import (
    ClauseHeard,
    ClauseWritten,
    EnergySpent,
    Event,
    JobFailed,
    TranscriptReady,
    Typed,
    WordsHeard,
    WordsStable,
)
from edgevoice.core.stages import StageWatch
from edgevoice.runtime.energy import MODELLED

_SHOWN_PHASE = {
    Phase.IDLE: "idle",
    Phase.LISTENING: "listening",
    Phase.PAUSED: "thinking",
    Phase.REPLYING: "thinking",
    Phase.HELD: "held",
}


class Narrator:
    """An observer of the assistant that speaks to a ``View``."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._stages = StageWatch()
        self._phase = ""
        self._question = ""
        self._turn = 0
        self._written: list[str] = []
        self._shown = 0

    def observe(
        self, event: Event, commands: Sequence[Command], conversation: Conversation
    ) -> None:
        """Take one step of the conversation."""
        self._show_reply(event)
        self._show_cut(event, commands, conversation)
        match event:
            case TranscriptReady(text=text) | Typed(text=text):
                self._question = text
                self._view.partial(text)
            case WordsStable(text=text):
                self._view.partial(text)
            case EnergySpent(cpu_s=cpu_s, joules=joules, source=source):
                self._view.spent(cpu_s, joules, metered=source != MODELLED)
            case JobFailed(stage=stage, problem=problem):
                self._view.notice(f"{stage}: {problem}")
            case _:
                pass
        if any(isinstance(command, PlayVoice) for command in commands) and self._question:
            self._view.heard(self._question)
            self._question = ""
        if times := self._stages.step(event, commands):
            self._view.stages(times.stages())
        self._show_phase(conversation)

    def _show_reply(self, event: Event) -> None:
        match event:
            case ClauseWritten(turn=turn, clause=0, text=text):
                self._turn, self._written, self._shown = turn, [text], 0
            case ClauseWritten(turn=turn, text=text) if turn == self._turn:
                self._written.append(text)
            case WordsHeard(turn=turn, clause=clause) | ClauseHeard(turn=turn, clause=clause):
                if turn == self._turn and clause == self._shown < len(self._written):
                    self._view.reply(self._written[clause])
                    self._shown += 1
            case _:
                pass

    def _show_cut(
        self, event: Event, commands: Sequence[Command], conversation: Conversation
    ) -> None:
        cancelled = any(isinstance(command, CancelTurn) for command in commands)
        history = conversation.history
        if cancelled and self._shown and not isinstance(event, JobFailed):
            self._shown, self._written = 0, []
            self._view.cut(history[-1].text if history else "")

    def _show_phase(self, conversation: Conversation) -> None:
        phase = _SHOWN_PHASE[conversation.phase]
        if conversation.phase is Phase.REPLYING and self._shown:
            phase = "speaking"
        if phase != self._phase:
            self._phase = phase
            self._view.phase(phase)
