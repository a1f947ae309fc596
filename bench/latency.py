"""Voice to voice: from the true end of recorded speech to the first audible sample of the reply.

    python -m bench.latency [--turns N] [--only small|medium|cascade] [--set KEY=VALUE]
                            [--picture FILE] [--json FILE]

Recorded prompts are said to the real assistant in real time, one after the other in one talk.
"cascade" is the plain way with the small models: half a second of silence, then STT, the whole
reply, its whole audio.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.cascade import Cascade
from bench.dialogue import Talk, Turn
from bench.report import parser, percentile_ms, table, write
from edgevoice.core.settings import Settings
from edgevoice.runtime import models
from edgevoice.runtime.settings_file import read
from edgevoice_quantize.speech import Clip, asterisk

MEDIUM = "llm.bundle=qwen2.5-coder-1.5b"

SHORT_REPLIES = "llm.max_tokens=48"
"""Only the first clause counts here; a long reply would be waiting."""

STAGES = ("endpoint", "stt", "llm", "tts")


def main() -> None:
    """Measure, print, write."""
    options = _options()
    clips = utterances(options.turns)
    found: dict[str, dict[str, object]] = {}
    talks: dict[str, list[Turn]] = {}
    for name in options.only or ("small", "medium", "cascade"):
        settings = read(
            None, [SHORT_REPLIES, *([MEDIUM] if name == "medium" else []), *options.set]
        )
        if name == "cascade":
            found[name] = cascade(settings, clips)
        else:
            talks[name] = talk(settings, clips)
            found[name] = summary(talks[name])
    keys = list(dict.fromkeys(key for row in found.values() for key in row))
    rows = [[name, *(row.get(key, "") for key in keys)] for name, row in found.items()]
    table("Voice to voice", ["", *(key.replace("_", " ") for key in keys)], rows)
    if options.picture and talks:
        from bench.waterfall import draw

        draw(talks, options.picture)
    write(options.json, {"bench": "latency", "turns": len(clips), **found})


def utterances(count: int) -> list[Clip]:
    """Return ``count`` prompts of 1.5 to 6 s that are whole sentences, evenly taken from all.

    After a fragment ("to lock, or unlock the conference...") it would be right to wait for more:
    ``bench.turns`` measures that.
    """
    fitting = [
        clip
        for clip in asterisk()
        if 1.5 <= len(clip.samples) / 16_000 <= 6.0
        and clip.text[0].isupper()
        and clip.text.rstrip().endswith((".", "?", "!"))
        and "..." not in clip.text
    ]
    return [fitting[i * len(fitting) // count] for i in range(count)]


def talk(settings: Settings, clips: Sequence[Clip]) -> list[Turn]:
    """Say all clips in one talk; the first one, on which caches are cold, is said twice."""
    with Talk(settings, models.store_of(settings)) as assistant:
        assistant.ask(clips[0].samples)
        return [assistant.ask(clip.samples) for clip in clips]


def summary(turns: Sequence[Turn]) -> dict[str, object]:
    """Return the figures of a talk."""
    waits = [wait for turn in turns if (wait := turn.voice_to_voice_s) is not None]
    stages = {
        f"{stage}_ms": round(
            1000 * statistics.median(turn.times.stages().get(stage, 0.0) for turn in turns)
        )
        for stage in STAGES
    }
    return {
        "p50_ms": percentile_ms(waits, 50),
        "p95_ms": percentile_ms(waits, 95),
        "cut_off_rate": round(sum(turn.cut_off for turn in turns) / len(turns), 3),
        "cpu_s_per_turn": round(statistics.mean(turn.cpu_s for turn in turns), 2),
        **stages,
        "unanswered": len(turns) - len(waits),
    }


def cascade(settings: Settings, clips: Sequence[Clip]) -> dict[str, object]:
    """Return the figures of the plain cascade."""
    chosen = models.bundles(settings, models.store_of(settings))
    shelf = models.Shelf(settings, chosen.values())
    loaders = models.loaders(shelf, {role: bundle.name for role, bundle in chosen.items()})
    plain = Cascade(loaders, settings.llm.system_prompt, settings.llm.max_tokens)
    plain.ask(clips[0].samples)
    turns = [plain.ask(clip.samples) for clip in clips]
    waits = [turn.voice_to_voice_s for turn in turns]
    return {
        "p50_ms": percentile_ms(waits, 50),
        "p95_ms": percentile_ms(waits, 95),
        "cut_off_rate": round(sum(turn.cut_off for turn in turns) / len(turns), 3),
        "cpu_s_per_turn": round(statistics.mean(turn.cpu_s for turn in turns), 2),
    }


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--turns", type=int, default=24)
    made.add_argument("--only", action="append", choices=["small", "medium", "cascade"])
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    made.add_argument("--picture", type=Path, metavar="FILE")
    return made.parse_args()


if __name__ == "__main__":
    main()
