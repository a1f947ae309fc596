"""A voice that says nothing, for a talk that is only read."""

from __future__ import annotations

from collections.abc import Iterator

from edgevoice.backends.protocols import Samples
from edgevoice.cancel import CancelScope


class Mute:
    """Fulfils ``Tts``: every text has been said as soon as it is asked for."""

    sample_rate = 24_000

    def synthesize(self, text: str, scope: CancelScope) -> Iterator[Samples]:
        """Yield nothing."""
        del text
        scope.check()
        yield from ()
