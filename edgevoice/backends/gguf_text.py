"""Makes text of a reply's tokens: whole characters, and nothing from a stop string on. Pure."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class ReplyText:
    """Takes the bytes of one reply token by token, gives the text that is sure.

    Text that might yet become a stop string is held back; white space at the reply's
    beginning is left out, and so is a character cut off at its end.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._stops = [stop for stop in stops if stop]
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._begun = False
        self.stopped = False
        """True from the moment that a stop string was complete."""

    def feed(self, token: bytes) -> str:
        """Take a token's bytes, return what may be said by now, which is often nothing."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(token)
        if not self._begun:
            self._held = self._held.lstrip()
            self._begun = bool(self._held)
        end = min((at for at in map(self._held.find, self._stops) if at >= 0), default=-1)
        if end >= 0:
            self.stopped = True
            return self._release(end)
        return self._release(len(self._held) - unsure(self._held, self._stops))

    def flush(self) -> str:
        """Return what was held back, at the end of a reply that no stop string ended."""
        return "" if self.stopped else self._release(len(self._held))

    def _release(self, end: int) -> str:
        text, self._held = self._held[:end], self._held[end:]
        return text


def unsure(text: str, stops: Sequence[str]) -> int:
    """Return how long the longest end of ``text`` is that some stop string begins with."""
    longest = min(max(map(len, stops), default=0), len(text))
    for length in range(longest, 0, -1):
        if any(stop.startswith(text[-length:]) for stop in stops):
            return length
    return 0
