"""What models take in memory, beside what was foretold before they were loaded.

    python -m bench.footprint [--bundle NAME] [--json FILE]

Each bundle that is here is loaded in a process of its own and does typical work: twelve seconds
of speech heard, a sentence of 25 words spoken, a context filled (LLMs: with each of three
lengths). Counted is what the process takes more than before: pages that it alone has, and pages of
files that it maps, whether others map them too or not. onnxruntime counts with the voice activity
detector, which every talk has; other libraries count with the model that brings them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import parser, table, write
from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Role
from edgevoice.core.history import Message
from edgevoice.core.settings import LlmSettings, Settings
from edgevoice.runtime.bundles.store import Store
from edgevoice.runtime.models import How, Shelf
from edgevoice_quantize.speech import asterisk

CONTEXTS = (512, 2048, 4096)
HEARD_S = 12.0
SENTENCE = (
    "The committee that had been asked to look into the matter came to the conclusion "
    "that nothing at all could be done before the end of the year."
)


def main() -> None:
    """Measure, print, write."""
    options = _options()
    if options.alone:
        print(json.dumps(alone(options.alone, options.context)))
        return
    rows = []
    for bundle in Store().installed():
        if bundle.name not in (options.bundle or [bundle.name]):
            continue
        contexts = CONTEXTS if bundle.role is Role.LLM else (0,)
        rows += [_in_a_child(bundle.name, context) for context in contexts]
    columns = ["bundle", "context", "foretold MB", "measured MB", "off by"]
    table("Memory foretold and measured", columns, [_shown(row) for row in rows])
    worst = max((abs(row["off_by"]) for row in rows), default=0.0)
    print(f"worst: {100 * worst:.1f} %")
    write(options.json, {"bench": "footprint", "worst": worst, "bundles": rows})


def alone(name: str, context: int) -> dict[str, Any]:
    """Load the bundle called ``name`` in this process and let it work."""
    store = Store()
    bundle = store.get(name)
    vad = next(each for each in store.installed() if each.role is Role.VAD)
    settings = Settings(llm=LlmSettings(context=context or 2048))
    shelf = Shelf(settings, [bundle, vad])
    speech = np.concatenate([clip.samples for clip in asterisk()[:8]])
    speech = speech[: round(HEARD_S * EARS_RATE)]
    models = []
    if bundle.role is not Role.VAD:
        models.append(_work(Role.VAD, shelf.load(Role.VAD, vad.name), speech))
    before = _resident_mb()
    how = How(context_tokens=context)
    models.append(_work(bundle.role, shelf.load(bundle.role, name, how), speech))
    measured = _resident_mb() - before
    foretold = shelf.need_mb(bundle.role, name, how)
    return {
        "bundle": name,
        "context": context,
        "foretold_mb": round(foretold, 1),
        "measured_mb": round(measured, 1),
        "off_by": round(foretold / measured - 1, 4),
    }


def _work(role: Role, model: Any, speech: Samples) -> Any:
    """Let ``model`` do typical work; returns it, so that it stays."""
    scope = CancelScope()
    match role:
        case Role.VAD:
            for start in range(0, len(speech) - 512, 512):
                model.probability(speech[start : start + 512])
        case Role.TURN:
            model.probability(speech)
        case Role.STT:
            model.transcribe(speech[: 3 * EARS_RATE], scope)
            model.transcribe(speech, scope)
        case Role.TTS:
            for _ in model.synthesize(SENTENCE, scope):
                pass
        case Role.LLM:
            words = "word " * model.context_tokens
            while model.count_tokens([Message("user", words)]) > model.context_tokens - 20:
                words = words[: -5 * 16]
            for _ in model.reply([Message("user", words)], 16, scope):
                pass
    return model


def _resident_mb() -> float:
    for line in Path("/proc/self/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError("the kernel does not tell the resident memory")


def _in_a_child(name: str, context: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.footprint", "--alone", name, "--context", str(context)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _shown(row: dict[str, Any]) -> list[object]:
    return [
        row["bundle"],
        row["context"] or "",
        row["foretold_mb"],
        row["measured_mb"],
        f"{100 * row['off_by']:+.1f} %",
    ]


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--bundle", action="append", metavar="NAME", help="only this one")
    made.add_argument("--alone", help=argparse.SUPPRESS)
    made.add_argument("--context", type=int, default=0, help=argparse.SUPPRESS)
    return made.parse_args()


if __name__ == "__main__":
    main()
