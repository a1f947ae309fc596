"""What the Whisper engines have in common."""

from __future__ import annotations

from edgevoice.core.bundle import Bundle

LONGEST_S = 12.0
"""Per native call, so that cancelling is prompt; the model itself could take 30 s."""

TAIL_FRAMES = 1200
"""10 ms each, of silence after the speech. The model was trained on 30 s filled up with
silence; this much of it is enough for nearly every utterance, at less than half the cost."""


def language(bundle: Bundle) -> str:
    """Return the code of the language that ``bundle`` is to hear, "" to detect it."""
    only = bundle.languages[0] if len(bundle.languages) == 1 else ""
    return bundle.options.get("language", only)
