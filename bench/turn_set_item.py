"""What the test set for turn-taking consists of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from edgevoice.backends.protocols import Samples
from edgevoice_quantize.words import normalised

Split = Literal["fit", "held"]


class Kind(StrEnum):
    """What is hard about an item."""

    PLAIN = "plain"
    """A sentence as it was recorded, without a pause."""
    SHORT = "short"
    """One to three words."""
    OWN_PAUSES = "own pauses"
    """A sentence as it was recorded, with pauses of its speaker's own."""
    PAUSES = "pauses"
    """One to three pauses in a sentence, of 0.3 to 0.6 s."""
    LONG_PAUSES = "long pauses"
    """The same, with at least one of 0.6 to 1.2 s."""
    FALSE_START = "false start"
    """The first words, a pause, and then the whole sentence."""
    NOISE = "noise after"
    """A breath, typing, or a fan."""
    SENTENCES = "sentences"
    """Several in one turn, with their speaker's pauses between them: after the first one, the
    turn is over by all that can be heard. Not counted among the turns that are cut off."""
    BACKCHANNEL = "backchannel"
    """Over the assistant's reply, which should go on."""
    INTERRUPTION = "interruption"
    """Over the assistant's reply, which should stop."""
    ECHO = "echo"
    """Nobody speaks; the microphone hears the assistant."""


OVER_THE_REPLY = (Kind.BACKCHANNEL, Kind.INTERRUPTION, Kind.ECHO)
"""The assistant speaks during these from their beginning to their end; before the others, never."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence of the user inside their turn, in seconds."""

    start_s: float
    length_s: float


@dataclass(frozen=True, slots=True)
class Said:
    """An utterance (16 kHz), and what is known of it.

    Attributes:
        clip: the name of the recording, or of the voice that speaks.
        samples: the sound.
        text: the words of the recording.
        begun: those of them that are said once more, before.
        pauses: the speaker's, counted from the beginning of ``samples``.
        synthetic: no human spoke it.

    """

    clip: str
    samples: Samples
    text: str
    begun: str = ""
    pauses: tuple[Pause, ...] = ()
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """What a microphone hears (16 kHz), and the truth about it.

    Attributes:
        kind: what is hard about it.
        split: the half of the set that it belongs to.
        samples: what the microphone hears.
        begin_s: when the user begins to speak.
        end_s: when the user is done; 0 where nobody speaks.
        said: what the user says, from ``begin_s`` on.
        variant: the noise, or the level of the echo in dB.
        loudspeaker: what the assistant says meanwhile (16 kHz); None when it is silent.

    """

    kind: Kind
    split: Split
    samples: Samples
    begin_s: float
    end_s: float
    said: Said
    variant: str = ""
    loudspeaker: Samples | None = None

    @property
    def name(self) -> str:
        """Tells it from all others."""
        return " ".join(filter(None, (self.kind, self.said.clip, self.variant, self.said.text)))


def split_of(text: str) -> Split:
    """Return the half that everything with this text belongs to."""
    digest = hashlib.sha256(normalised(text).encode()).digest()
    return "held" if digest[0] & 1 else "fit"
