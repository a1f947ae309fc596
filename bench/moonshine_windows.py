"""What length of piece and what silence around it suit Moonshine, and what a decode costs.

    python -m bench.moonshine_windows [--every N] [--json FILE]

The prompts of ``edgevoice_quantize.speech`` are heard as recorded (about 0.1 s of room at both
ends) and cut tight, with pieces of several lengths and silences of several lengths around each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import numpy as np

from bench.report import parser, percentile_ms, table, write
from edgevoice.backends import engines, moonshine
from edgevoice.backends.protocols import EARS_RATE, Samples, Stt
from edgevoice.cancel import CancelScope
from edgevoice.runtime.bundles.store import Store
from edgevoice_quantize.speech import Clip, asterisk
from edgevoice_quantize.word_errors import compare

LENGTHS_S = (6, 9, 12, 16, 24, 60)
PADDINGS_S = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
UTTERANCES_S = (1, 2, 4, 8, 12)
REPEATS = 9

SPEECH_DB = -40.0
"""Tight is to the first and last 10 ms louder than this, against the loudest."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How the prompts are heard. ``tail_s``: silence that the recording itself ends with."""

    tight: bool
    longest_s: float = moonshine.LONGEST_S
    padding_s: float = moonshine.PADDING_S
    tail_s: float = 0.0


SETTINGS = (
    *(Setting(tight=False, longest_s=length) for length in LENGTHS_S),
    *(Setting(tight=False, padding_s=padding) for padding in PADDINGS_S),
    *(Setting(tight=True, padding_s=padding) for padding in PADDINGS_S),
    *(Setting(tight=True, tail_s=tail) for tail in (0.1, 0.3, 1.0)),
)


def main() -> None:
    """Measure, print, write."""
    made = parser(str(__doc__))
    made.add_argument("--every", type=int, default=2, metavar="N", help="only each Nth prompt")
    options = made.parse_args()
    clips = asterisk()[:: options.every]
    stt = engines.load(Store().get("moonshine-tiny-en"))
    found = [asdict(setting) | measure(stt, clips, setting) for setting in dict.fromkeys(SETTINGS)]
    names = list(found[0])
    rows = [[row[name] for name in names] for row in found]
    table(f"Moonshine on {len(clips)} prompts", [n.replace("_", " ") for n in names], rows)
    decodes = [decode(stt, clips, seconds) for seconds in UTTERANCES_S]
    names = list(decodes[0])
    rows = [[row[name] for name in names] for row in decodes]
    table("One utterance, one thread", [n.replace("_", " ") for n in names], rows)
    write(options.json, {"bench": "moonshine_windows", "settings": found, "decodes": decodes})


def measure(stt: Stt, clips: Sequence[Clip], setting: Setting) -> dict[str, object]:
    """Return word error rate and CPU time per second of audio, under ``setting``."""
    heard_as = [replace(c, samples=prepared(c.samples, setting)) for c in clips]
    with moonshine_set_to(setting):
        start = time.process_time()
        texts = [stt.transcribe(clip.samples, CancelScope()) for clip in heard_as]
        cpu_s = time.process_time() - start
    mistakes = [compare(clip.text, text) for clip, text in zip(clips, texts, strict=True)]
    wer = sum(m.errors for m in mistakes) / sum(m.words for m in mistakes)
    audio_s = sum(len(clip.samples) for clip in clips) / EARS_RATE
    return {"wer_percent": round(100 * wer, 2), "cpu_rtf": round(cpu_s / audio_s, 4)}


def prepared(samples: Samples, setting: Setting) -> Samples:
    """Return a recording as ``setting`` has it heard."""
    if setting.tight:
        frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
        level = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)
        loud = np.flatnonzero(level > level.max() + SPEECH_DB)
        samples = samples[loud[0] * 160 : (loud[-1] + 1) * 160]
    return np.pad(samples, (0, int(setting.tail_s * EARS_RATE)))


@contextmanager
def moonshine_set_to(setting: Setting) -> Iterator[None]:
    """Change the backend's constants for a while."""
    before = moonshine.LONGEST_S, moonshine.PADDING_S
    moonshine.LONGEST_S, moonshine.PADDING_S = setting.longest_s, setting.padding_s
    try:
        yield
    finally:
        moonshine.LONGEST_S, moonshine.PADDING_S = before


def decode(stt: Stt, clips: Sequence[Clip], seconds: float) -> dict[str, float]:
    """Return the median times to hear ``seconds`` of speech."""
    speech = np.concatenate([clip.samples for clip in clips])
    length = int(seconds * EARS_RATE)
    taken_s, cpu_s = [], []
    for repeat in range(REPEATS):
        utterance = speech[repeat * length : (repeat + 1) * length]
        start, cpu_start = time.perf_counter(), time.process_time()
        stt.transcribe(utterance, CancelScope())
        taken_s.append(time.perf_counter() - start)
        cpu_s.append(time.process_time() - cpu_start)
    ms = {"p50_ms": percentile_ms(taken_s, 50), "p50_cpu_ms": percentile_ms(cpu_s, 50)}
    return {"utterance_s": seconds, **ms}


if __name__ == "__main__":
    main()
