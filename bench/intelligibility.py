"""How well each voice is understood: replies spoken, and heard back by speech-to-text.

    python -m bench.intelligibility [--tts NAME ...] [--stt NAME] [--errors] [--json FILE]

The word error rate counts the mistakes of the ear too. Words are compared as
``edgevoice_quantize.words`` describes. Each clause is also cut at random instants of its speech, to
see whether ``heard_words`` then names as many words as the ear hears, give or take one.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.report import parser, percentile_ms, table, write
from edgevoice.backends import engines
from edgevoice.backends.protocols import Samples, Stt, Tts
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Role
from edgevoice.core.clauses import ClauseSplitter
from edgevoice.core.pauses import pause_after
from edgevoice.core.word_timing import heard_words
from edgevoice.runtime.bundles.store import Store
from edgevoice_quantize.hearing import heard
from edgevoice_quantize.word_errors import Mistakes, compare, error_rate

REPLIES = Path(__file__).with_name("replies.txt").read_text("utf-8").splitlines()
"""What an assistant says: answers, questions, names and numbers. Written for this bench."""

CUTS = 3
"""Instants at which each clause is cut."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A clause and its audio, and the seconds it took: to the first chunk, to the last, of CPU."""

    clause: str
    audio: Samples
    first_s: float
    all_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Intelligibility:
    """Of one voice. Rates are shares; real-time factors are per second of audio."""

    wer: float
    wer_low: float
    wer_high: float
    words: int
    audio_s: float
    rtf: float
    cpu_rtf: float
    first_audio_p50_ms: float
    first_audio_p95_ms: float
    words_within_one: float
    cuts: int


def main() -> None:
    """Measure, print, write."""
    options = _options()
    store = Store()
    bundles = [b for b in store.installed() if b.role is Role.TTS]
    if options.tts:
        bundles = [store.get(name, Role.TTS) for name in options.tts]
    ear: Stt = engines.load(store.get(options.stt, Role.STT))
    found = {}
    for bundle in bundles:
        found[bundle.name], mistakes = measure(engines.load(bundle), ear)
        if options.errors:
            for each in filter(lambda m: m.errors, mistakes):
                print(f"{bundle.name} {each.errors}: {each.said}\n    > {each.heard}")
    rows = [
        (
            *(name, f"{i.wer:.1%}", f"{i.wer_low:.1%} to {i.wer_high:.1%}"),
            *(f"{i.rtf:.3f}", f"{i.cpu_rtf:.3f}"),
            *(f"{i.first_audio_p50_ms:.0f} ms", f"{i.first_audio_p95_ms:.0f} ms"),
            f"{i.words_within_one:.1%} of {i.cuts}",
        )
        for name, i in found.items()
    ]
    table(
        f"{len(REPLIES)} replies heard by {options.stt}",
        (
            *("", "WER", "95 % interval", "RTF", "in CPU time"),
            *("first audio", "p95", "words within one"),
        ),
        rows,
    )
    figures = {name: asdict(i) for name, i in found.items()}
    write(options.json, {"bench": "intelligibility", "stt": options.stt, **figures})


def measure(tts: Tts, ear: Stt) -> tuple[Intelligibility, list[Mistakes]]:
    """Let ``tts`` speak all replies, and ``ear`` hear them."""
    replies = [list(_spoken(tts, reply)) for reply in REPLIES]
    mistakes = []
    for text, parts in zip(REPLIES, replies, strict=True):
        audio = np.concatenate([part.audio for part in parts])
        mistakes.append(compare(text, heard(ear, audio, tts.sample_rate)))
    parts = [part for reply in replies for part in reply]
    audio_s = sum(len(part.audio) for part in parts) / tts.sample_rate
    first_s = [part.first_s for part in parts]
    right = list(_cuts(ear, parts, tts.sample_rate))
    wer, low, high = error_rate(mistakes)
    return Intelligibility(
        wer=wer,
        wer_low=low,
        wer_high=high,
        words=sum(m.words for m in mistakes),
        audio_s=round(audio_s, 1),
        rtf=sum(part.all_s for part in parts) / audio_s,
        cpu_rtf=sum(part.cpu_s for part in parts) / audio_s,
        first_audio_p50_ms=percentile_ms(first_s, 50),
        first_audio_p95_ms=percentile_ms(first_s, 95),
        words_within_one=statistics.mean(right),
        cuts=len(right),
    ), mistakes


def _spoken(tts: Tts, reply: str) -> Iterator[Spoken]:
    splitter = ClauseSplitter()
    for clause in [*splitter.feed(reply), *splitter.flush()]:
        start, cpu_start = time.perf_counter(), time.process_time()
        first_s = 0.0
        chunks = []
        for chunk in tts.synthesize(clause, CancelScope()):
            first_s = first_s or time.perf_counter() - start
            chunks.append(chunk)
        all_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu_start
        yield Spoken(clause, np.concatenate(chunks), first_s, all_s, cpu_s)


def _cuts(ear: Stt, spoken: Sequence[Spoken], rate: int) -> Iterator[bool]:
    """Cut each clause somewhere in its speech; tell where rule and ear count the same words."""
    chance = random.Random(0)
    for part in spoken:
        total_s = len(part.audio) / rate
        for _ in range(CUTS):
            played_s = chance.uniform(0.2, total_s - pause_after(part.clause))
            by_ear = heard(ear, part.audio[: int(played_s * rate)], rate)
            found = compare(heard_words(part.clause, played_s, total_s), by_ear)
            yield abs(len(found.said.split()) - len(found.heard.split())) <= 1


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--tts", nargs="+", default=[], metavar="NAME")
    made.add_argument("--stt", default="moonshine-tiny-en", metavar="NAME")
    made.add_argument("--errors", action="store_true", help="print what was misheard")
    return made.parse_args()


if __name__ == "__main__":
    main()
