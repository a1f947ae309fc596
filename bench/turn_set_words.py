"""Where the words of the recorded clips begin: made once, read ever after.

    python -m bench.turn_set_words [--json FILE]

PocketSphinx aligns each clip with its transcript. The result is ``turn_set_words.tsv``, so that
the test set is the same on every machine: a line per clip, with its name, and its words
with the boundaries between them in seconds; where the speaker pauses, the pause's beginning.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from bench.report import parser, write
from edgevoice.backends.protocols import EARS_RATE
from edgevoice_quantize.speech import Clip, asterisk
from edgevoice_quantize.words import SYMBOLS, normalised

TABLE = Path(__file__).with_name("turn_set_words.tsv")

FRAME_S = 0.01
"""PocketSphinx's resolution."""

LONGEST_S = 10.0
"""Longer prompts are lists of options, with pauses of their own."""


def main() -> None:
    """Align all clips and write the table."""
    options = parser(str(__doc__)).parse_args()
    aligner = Aligner()
    clips = [clip for clip in asterisk() if len(clip.samples) <= LONGEST_S * EARS_RATE]
    lines = [line(clip, ends) for clip in clips if (ends := aligner.ends(clip))]
    TABLE.write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} of {len(clips)} clips aligned; the others have words of no dictionary")
    write(options.json, {"bench": "turn_set_words", "clips": len(clips), "aligned": len(lines)})


def read() -> dict[str, tuple[list[str], list[float]]]:
    """Return the words of each clip, and the boundaries between them in seconds."""
    table = {}
    for text in TABLE.read_text("utf-8").splitlines():
        name, _, rest = text.partition("\t")
        parts = rest.split(" ")
        table[name] = parts[::2], [float(part) for part in parts[1::2]]
    return table


def line(clip: Clip, ends: list[float]) -> str:
    """Return the table's line for ``clip``."""
    words = clip.text.split()
    between = [f"{word} {end:.2f}" for word, end in zip(words, ends[:-1], strict=False)]
    return f"{clip.name}\t{' '.join([*between, words[-1]])}\n"


class Aligner:
    """PocketSphinx with its model of US English."""

    def __init__(self) -> None:
        # Only this needs it: who reads the table does without.
        from pocketsphinx import Decoder

        self._decoder = Decoder(samprate=EARS_RATE, bestpath=False, loglevel="FATAL")

    def ends(self, clip: Clip) -> list[float]:
        """Return when each word of ``clip`` ends, in seconds; nothing if one is unknown."""
        spoken = [_spoken(word) for word in clip.text.split()]
        owners = [number for number, words in enumerate(spoken) for _ in words]
        flat = [word for words in spoken for word in words]
        if not all(spoken) or any(self._decoder.lookup_word(word) is None for word in flat):
            return []
        self._decoder.set_align_text(" ".join(flat))
        self._decoder.start_utt()
        pcm = (np.clip(clip.samples, -1, 1) * 32_767).astype(np.int16)
        self._decoder.process_raw(pcm.tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = [segment for segment in self._decoder.seg() or () if segment.word[0] not in "<["]
        if len(found) != len(flat):
            return []
        ends = dict(zip(owners, ((s.end_frame + 1) * FRAME_S for s in found), strict=True))
        return [ends[number] for number in range(len(spoken))]


def _spoken(word: str) -> list[str]:
    """Return ``word`` as the dictionary has it: in lower case, numbers and signs as words."""
    if set(word) & set(SYMBOLS) or any(map(str.isdigit, word)):
        return normalised(word).split()
    return re.findall(r"[a-z']+", word.lower())


if __name__ == "__main__":
    main()
