"""How long a professional speaker pauses at a comma and at a full stop.

    python -m bench.pauses [--json FILE]

Taken are the prompts of ``edgevoice_quantize.speech.asterisk`` with one mark inside them: the
pause is the longest silence in the speech, as quiet as what a voice's audio is trimmed of.
"""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np

from bench.report import parser, percentile_ms, table, write
from edgevoice.backends.phonemes_voice import SILENCE
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice_quantize.speech import asterisk

LEAST_S = 0.08
"""A shorter silence may lie inside a word, before a plosive."""


def main() -> None:
    """Measure, print, write."""
    options = parser(str(__doc__)).parse_args()
    pauses: dict[str, list[float]] = defaultdict(list)
    for clip in asterisk():
        marks = re.findall(r"[.,;:?!]+(?=\s)", clip.text)
        if len(marks) == 1 and (pause_s := longest_silence_s(clip.samples)) >= LEAST_S:
            pauses[marks[0]].append(pause_s)
    found = {
        mark: {"pauses": len(lengths)}
        | {f"p{p}_ms": percentile_ms(lengths, p) for p in (25, 50, 75)}
        for mark, lengths in pauses.items()
    }
    table(
        "Pauses inside prompts",
        ("mark", "pauses", "25 %", "median", "75 %"),
        [(mark, *row.values()) for mark, row in found.items()],
    )
    write(options.json, {"bench": "pauses", **found})


def longest_silence_s(speech: Samples) -> float:
    """Return the length in seconds of the longest silence between sounds of ``speech``."""
    loud = np.flatnonzero(np.abs(speech) > SILENCE * np.abs(speech).max())
    return float(np.diff(loud).max(initial=0)) / EARS_RATE


if __name__ == "__main__":
    main()
