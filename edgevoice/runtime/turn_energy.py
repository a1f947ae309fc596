"""What each turn of a talk costs, posted at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgevoice.core.commands import Command
from edgevoice.core.conversation import Conversation, Phase
from edgevoice.core.device import Device
from edgevoice.core.events import EnergySpent, Event
from edgevoice.runtime.assistant import Assistant
from edgevoice.runtime.energy import EnergyMeter, Mark
from edgevoice.runtime.machine import HERE


class TurnEnergy:
    """An observer of the assistant, in the conversation's thread.

    A turn costs what the process works from its first word to the end of its reply, also when it
    is taken back. ``name`` is the device's, by which its power is reckoned where nothing meters it.
    """

    def __init__(self, assistant: Assistant, name: str) -> None:
        self._assistant = assistant
        self._meter = EnergyMeter(HERE, name)
        self._device = Device()
        self._mark: Mark | None = None
        self._turn = 0

    def sample(self, device: Device) -> None:
        """Read the meters at the time of ``device``."""
        self._device = device
        self._meter.sample(device)

    def observe(
        self, event: Event, commands: Sequence[Command], conversation: Conversation
    ) -> None:
        """Take a step of the conversation."""
        del commands
        if conversation.phase is not Phase.IDLE:
            self._turn = conversation.turn
            if self._mark is None:
                self.sample(replace(self._device, at=event.at))
                self._mark = self._meter.mark()
        elif self._mark is not None:
            self.sample(replace(self._device, at=event.at))
            spent, self._mark = self._meter.since(self._mark), None
            self._assistant.note(
                EnergySpent(event.at, self._turn, spent.cpu_s, spent.joules, spent.source)
            )

    def close(self) -> None:
        """End what is still being asked."""
        self._meter.close()
