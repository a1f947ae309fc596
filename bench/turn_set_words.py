"""Where the words of the recorded clips begin: made once, read ever after.

    python -m bench.turn_set_words [--json FILE]

Whisper base aligns each clip with its transcript, and each beginning is moved to the quietest
instant near it. The result is ``turn_set_words.tsv``, so that the test set is the same on
every machine: a line per clip, with its name, and its words between their boundaries in seconds.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import ctranslate2
import numpy as np
from tokenizers import Tokenizer

from bench.report import parser, write
from bench.speech import Clip, asterisk
from edgevoice.backends.mel import log_mel
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.runtime.bundles.store import Store

TABLE = Path(__file__).with_name("turn_set_words.tsv")

FRAME_S = 0.02
"""Whisper's resolution."""

NEAR_S = 0.08
"""How far a boundary may be moved to the quietest instant."""

LONGEST_S = 10.0
"""Longer prompts are lists of options, with pauses of their own."""


def main() -> None:
    """Align all clips and write the table."""
    options = parser(str(__doc__)).parse_args()
    aligner = Aligner(Store().get("whisper-base").path("model.bin").parent)
    clips = [clip for clip in asterisk() if len(clip.samples) <= LONGEST_S * EARS_RATE]
    lines = [line(clip, aligner.boundaries(clip)) for clip in clips]
    TABLE.write_text("".join(lines), encoding="utf-8")
    write(options.json, {"bench": "turn_set_words", "clips": len(lines)})


def read() -> dict[str, tuple[list[str], list[float]]]:
    """Return the words of each clip, and the boundaries between them in seconds."""
    table = {}
    for text in TABLE.read_text("utf-8").splitlines():
        name, _, rest = text.partition("\t")
        parts = rest.split(" ")
        table[name] = parts[::2], [float(part) for part in parts[1::2]]
    return table


def line(clip: Clip, boundaries: list[float]) -> str:
    """Return the table's line for ``clip``."""
    parts = [clip.text.split()[0]]
    for word, boundary in zip(clip.text.split()[1:], boundaries, strict=True):
        parts += [f"{boundary:.2f}", word]
    return f"{clip.name}\t{' '.join(parts)}\n"


class Aligner:
    """Whisper's cross-attention, read as an alignment."""

    def __init__(self, folder: Path) -> None:
        self._model = ctranslate2.models.Whisper(str(folder), compute_type="int8", intra_threads=1)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        names = ("startoftranscript", "en", "transcribe", "notimestamps")
        self._start = [self._tokenizer.token_to_id(f"<|{name}|>") for name in names]

    def boundaries(self, clip: Clip) -> list[float]:
        """Return the times between the words of ``clip.text``, in seconds."""
        tokens, owners = [], []
        for number, word in enumerate(clip.text.split()):
            ids = self._tokenizer.encode(f" {word}", add_special_tokens=False).ids
            tokens += ids
            owners += [number] * len(ids)
        mel = log_mel(np.pad(clip.samples, (0, -len(clip.samples) % 320)))
        padded = np.pad(mel, ((0, 0), (0, 3000 - mel.shape[1])), constant_values=mel.min())
        heard = self._model.encode(ctranslate2.StorageView.from_array(padded[None]))
        (aligned,) = self._model.align(heard, self._start, [tokens], mel.shape[1])
        begins: dict[int, float] = {}
        for token, frame in aligned.alignments:
            if token < len(owners):
                begins.setdefault(owners[token], frame * FRAME_S)
        times = [begins[word] for word in sorted(begins)]
        return [
            quietest(clip.samples, at - min(NEAR_S, (at - before) / 2), at + NEAR_S)
            for before, at in pairwise(times)
        ]


def quietest(samples: Samples, since_s: float, until_s: float) -> float:
    """Return the middle of the quietest 20 ms between two times."""
    size = round(FRAME_S * EARS_RATE)
    first = round(since_s * EARS_RATE)
    last = max(first, min(round(until_s * EARS_RATE), len(samples)) - size)
    powers = {at: float(np.sum(samples[at : at + size] ** 2)) for at in range(first, last + 1, 80)}
    return (min(powers, key=powers.__getitem__) + size // 2) / EARS_RATE


if __name__ == "__main__":
    main()
