"""Language models: how true they stay to their source, what they answer, how fast they are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgevoice.core.bundle import Role
from edgevoice.errors import Misused
from edgevoice.runtime.bundles import local
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_quantize import child, llm_texts
from edgevoice_quantize.held_out import Calibration, Item
from edgevoice_quantize.measures import Measures

CHILD = "edgevoice_quantize.llm_child"

READ, WRITTEN = 40, 30
"""Tokens of a turn, of which ``seconds`` tells: a question with what was said since the cache was
last brought up to date, and a reply of two sentences."""


class LlmMeasure:
    """Fulfils ``Measure``. Its ``seconds`` are processor time of a turn, on one thread."""

    version = 1
    budget = "kl<=0.05"
    columns: Mapping[str, str] = {
        "kl": ".4f",
        "top1": ".1%",
        "perplexity": ".2f",
        "tasks": ".1%",
        "prefill_tps": ".0f",
        "decode_tps": ".1f",
    }

    def items(self, data: Path | None) -> list[Item]:
        """Return the texts in ``data``, or the package's own talks."""
        return llm_texts.read(data)

    def measure(
        self, bundle: Path, items: Sequence[Item], source: Path, work: Path, progress: Progress
    ) -> Measures:
        """Measure the bundle in the folder ``bundle`` on ``items``; see ``Measure``.

        Tasks are asked only where items are held out: nothing is chosen by them.
        """
        kept, readings = expectations(source, items, work, progress)
        job = {"bundle": str(bundle), "readings": readings, "source": str(kept)}
        quality = child.run(CHILD, {"job": "compare", **job})
        speed = child.run(CHILD, {"job": "speed", "bundle": str(bundle)})
        seconds = READ / speed["read_tps"] + WRITTEN / speed["write_tps"]
        values = {
            "mb": sum(file.size_bytes for file in local.bundle_in_place(bundle).files) / 1e6,
            "seconds": seconds,
            "pss_mb": speed["pss_mb"],
            "kl": max(0.0, quality["kl"]),
            "top1": quality["top1"],
            "perplexity": quality["perplexity"],
            "prefill_tps": speed["read_tps"],
            "decode_tps": speed["write_tps"],
        }
        details: dict[str, Any] = {"quality": quality, "speed": speed}
        noise = dict.fromkeys(values, 0.0) | {
            "seconds": seconds * speed["spread"] / 2,
            "pss_mb": PSS_NOISE * speed["pss_mb"],
        }
        if not any(item.for_calibration for item in items):
            answers = child.run(CHILD, {"job": "tasks", "bundle": str(bundle)})
            share = answers["right"] / answers["asked"]
            values["tasks"] = share
            noise["tasks"] = math.sqrt(share * (1 - share) / answers["asked"])
            details["answers"] = answers
        return Measures(values, noise, details)

    def space(self, source: Path, calibration: Calibration, work: Path, progress: Progress) -> Any:
        """Return what each tensor of a GGUF file may be, with how much harm it does."""
        bundle = local.bundle_in_place(source)
        if bundle.role is not Role.LLM or bundle.engine != "gguf":
            raise Misused(f"There is no search for bundles of {bundle.engine}.")
        from edgevoice_quantize.gguf_space import explore

        return explore(bundle, calibration, work, progress)


PSS_NOISE = 0.01
"""Share by which the peak of a process differs from one run to the next."""


def expectations(
    source: Path, items: Sequence[Item], work: Path, progress: Progress
) -> tuple[Path, list[dict[str, Any]]]:
    """Return what the source expects at the items' tokens, a file in ``work``, and their tokens."""
    kept, readings = work / "source-scores.npy", work / "source-tokens.json"
    if not (kept.is_file() and readings.is_file()):
        progress.say("noting what the source expects")
        work.mkdir(parents=True, exist_ok=True)
        job = {"texts": [item.text for item in items], "source": str(kept)}
        answer = child.run(CHILD, {"job": "keep", "bundle": str(source), **job})
        draft = readings.with_suffix(".partial")
        draft.write_text(json.dumps(answer["readings"]), "utf-8")
        draft.replace(readings)
    found: list[dict[str, Any]] = json.loads(readings.read_text("utf-8"))
    return kept, found


MEASURE = LlmMeasure()
