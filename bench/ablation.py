"""What each piece of answering fast is worth: voice to voice with one piece off at a time.

    python -m bench.ablation [--turns N] [--only NAME] [--json FILE]

The same prompts are said to the same models, in one run; "all" is the assistant as it is.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.latency import SHORT_REPLIES, summary, talk, utterances
from bench.report import parser, table, write
from edgevoice.backends import gguf, gguf_native, moonshine
from edgevoice.core import clauses
from edgevoice.core.speech_detector import SpeechDetector
from edgevoice.runtime import opening
from edgevoice.runtime.settings_file import read

ALWAYS = (SHORT_REPLIES, "plan.govern=false")
"""The governor would change what is measured."""

SHOWN = ("p50_ms", "p95_ms", "cut_off_rate", "cpu_s_per_turn", "unanswered")


@dataclass(frozen=True)
class Ablation:
    """Something to do without: settings to change, and names of modules to replace."""

    name: str
    settings: tuple[str, ...] = ()
    replaced: tuple[tuple[Any, str, object], ...] = ()


def _no_guess(_guess: list[int], likeliest: list[int]) -> list[int]:
    return list(likeliest[:1])


ABLATIONS = (
    Ablation("all"),
    Ablation("no draft of the reply", ("turn.speculation=prefill",)),
    Ablation("nothing ahead", ("turn.speculation=off",)),
    Ablation("no partial transcripts", ("turn.first_partial_s=60",)),
    Ablation("last transcript is no guess", replaced=((moonshine, "agreed", _no_guess),)),
    Ablation(
        "end of speech by the VAD alone",
        replaced=((opening, "SpeechDetector", partial(SpeechDetector, drop_db=math.inf)),),
    ),
    Ablation("no turn-end model", ("turn.bundle=",)),
    Ablation(
        "whole sentences only",
        replaced=((clauses, "FIRST_CLAUSE_WORDS", 99), (clauses, "FIRST_CLAUSE_LIMIT", 99)),
    ),
    Ablation("prompts always on all threads", replaced=((gguf_native, "SMALL_WORK", 0.0),)),
    Ablation("prompts on one thread", replaced=((gguf, "PROMPT_THREADS", 1),)),
)


def main() -> None:
    """Measure, print, write."""
    options = _options()
    clips = utterances(options.turns)
    found: dict[str, dict[str, object]] = {}
    for ablation in ABLATIONS:
        if options.only and ablation.name not in {"all", *options.only}:
            continue
        with _without(ablation):
            figures = summary(talk(read(None, [*ALWAYS, *ablation.settings]), clips))
        found[ablation.name] = {key: figures[key] for key in SHOWN}
        print(f"{ablation.name}: {figures['p50_ms']:.0f} ms", flush=True)
    rows = [[name, *row.values()] for name, row in found.items()]
    table(
        f"Voice to voice on {len(clips)} prompts, one piece off at a time",
        ["", *(key.replace("_", " ") for key in SHOWN)],
        rows,
    )
    write(options.json, {"bench": "ablation", "turns": len(clips), "without": found})


@contextmanager
def _without(ablation: Ablation) -> Iterator[None]:
    with ExitStack() as undo:
        for module, name, value in ablation.replaced:
            undo.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        yield


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--turns", type=int, default=12)
    made.add_argument("--only", action="append", metavar="NAME")
    return made.parse_args()


if __name__ == "__main__":
    main()
