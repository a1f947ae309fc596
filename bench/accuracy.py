"""Word error rate and speed of speech-to-text on recorded prompts.

    python -m bench.accuracy [--stt NAME ...] [--threads N] [--every N] [--errors] [--json FILE]

Every bundle that is installed, or those named, hears all prompts of four words or more that
``edgevoice_quantize.speech.asterisk`` describes; none is left out for its result. Words are
compared as ``edgevoice_quantize.words`` describes. The interval is where the word error rate of
95 % of 2,000 draws of as many prompts (with repetition) lies.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bench.report import parser, table, write
from edgevoice.backends import engines
from edgevoice.backends.protocols import EARS_RATE, Stt
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Role
from edgevoice.runtime.bundles.store import Store
from edgevoice_quantize.speech import Clip, asterisk
from edgevoice_quantize.word_errors import Mistakes, compare, error_rate


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of one bundle. Rates are shares; real-time factors are per second of audio."""

    wer: float
    wer_low: float
    wer_high: float
    words: int
    prompts: int
    audio_s: float
    rtf: float
    cpu_rtf: float
    threads: int


def main() -> None:
    """Measure, print, write."""
    options = _options()
    store = Store()
    bundles = [b for b in store.installed() if b.role is Role.STT]
    if options.stt:
        bundles = [store.get(name, Role.STT) for name in options.stt]
    clips = asterisk()[:: options.every]
    found = {}
    for bundle in bundles:
        stt = engines.load(bundle, threads=options.threads)
        found[bundle.name], mistakes = measure(stt, clips, options.threads)
        if options.errors:
            for each in filter(lambda m: m.errors, mistakes):
                print(f"{bundle.name} {each.errors}: {each.said}\n    > {each.heard}")
    rows = [
        (
            *(name, f"{a.wer:.1%}", f"{a.wer_low:.1%} to {a.wer_high:.1%}"),
            *(f"{a.rtf:.3f}", f"{a.cpu_rtf:.3f}", a.threads),
        )
        for name, a in found.items()
    ]
    title = f"Speech-to-text on {len(clips)} prompts"
    table(title, ("", "WER", "95 % interval", "RTF", "RTF in CPU time", "threads"), rows)
    write(options.json, {"bench": "accuracy", **{name: asdict(a) for name, a in found.items()}})


def measure(stt: Stt, clips: Sequence[Clip], threads: int) -> tuple[Accuracy, list[Mistakes]]:
    """Let ``stt`` hear ``clips``, the first one twice: what it does once is done then."""
    stt.transcribe(clips[0].samples, CancelScope())
    clock, cpu_clock = time.perf_counter(), time.process_time()
    texts = [stt.transcribe(clip.samples, CancelScope()) for clip in clips]
    taken_s, cpu_s = time.perf_counter() - clock, time.process_time() - cpu_clock
    mistakes = [compare(clip.text, text) for clip, text in zip(clips, texts, strict=True)]
    wer, low, high = error_rate(mistakes)
    audio_s = sum(len(clip.samples) for clip in clips) / EARS_RATE
    words = sum(m.words for m in mistakes)
    return Accuracy(
        wer, low, high, words, len(clips), audio_s, taken_s / audio_s, cpu_s / audio_s, threads
    ), mistakes


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--stt", nargs="+", default=[], metavar="NAME")
    made.add_argument("--threads", type=int, default=1, metavar="N")
    made.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth prompt")
    made.add_argument("--errors", action="store_true", help="print what was misheard")
    return made.parse_args()


if __name__ == "__main__":
    main()
