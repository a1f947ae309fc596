"""Lets speech in only after the wake word, and for a while after each turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgevoice.backends.protocols import Samples, Wake
from edgevoice.core.commands import Command
from edgevoice.core.conversation import Conversation, Phase
from edgevoice.core.events import Event, WakeWordHeard
from edgevoice.runtime.clock import Clock


class Door:
    """``lets_in`` in the ears' thread; ``observe`` in the conversation's.

    While it is shut only the wake word's model works: not even the voice activity detector.
    """

    def __init__(
        self, wake: Wake, awake_s: float, clock: Clock, post: Callable[[Event], None]
    ) -> None:
        """Stay open for ``awake_s`` after the word, and after each turn."""
        self._wake = wake
        self._awake_s = awake_s
        self._clock = clock
        self._post = post
        self._open_until = -1.0
        self._in_turn = False
        self._is_open = False

    def lets_in(self, frame: Samples) -> bool:
        """Tell whether what is heard is meant for us; ``frame`` is the next of the stream."""
        now = self._clock.now()
        if self._in_turn or now < self._open_until:
            self._is_open = True
            return True
        if self._is_open:
            self._is_open = False
            self._wake.reset()
        if self._wake.heard(frame):
            self._open_until = now + self._awake_s
            self._post(WakeWordHeard(now))
        return False

    def observe(
        self, event: Event, commands: Sequence[Command], conversation: Conversation
    ) -> None:
        """Take a step of the conversation."""
        del commands
        in_turn = conversation.phase is not Phase.IDLE
        if self._in_turn and not in_turn:
            self._open_until = event.at + self._awake_s
        self._in_turn = in_turn
