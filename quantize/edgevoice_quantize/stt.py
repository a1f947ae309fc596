"""How speech-to-text is measured: word errors, drift from the source, CPU time, memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgevoice.backends.protocols import EARS_RATE
from edgevoice.core.bundle import Role
from edgevoice.errors import Misused
from edgevoice.runtime.bundles.local import bundle_in_place
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_quantize import child
from edgevoice_quantize.clips import clips
from edgevoice_quantize.held_out import Calibration, Item
from edgevoice_quantize.measures import Measures, Space
from edgevoice_quantize.word_errors import compare, error_rate

CLIPS, SOURCE_TEXTS = "clips.npz", "texts.json"


class SttMeasure:
    """Fulfils ``Measure``. ``seconds`` are of CPU time, on one thread, for all clips."""

    version = 1
    budget = "wer+0.5"
    columns: Mapping[str, str] = {"wer": ".2%", "drift": ".2%"}

    def items(self, data: Path | None) -> list[Item]:
        """Return the clips in ``data``, or Asterisk's prompts."""
        return clips(data)

    def measure(
        self,
        bundle: Path,
        items: Sequence[Item],
        source: Path,
        work: Path,
        progress: Progress,  # noqa: ARG002 - one step
    ) -> Measures:
        """Let ``bundle`` hear ``items``.

        Raises:
            ModelError: the engine refuses it.

        """
        work.mkdir(parents=True, exist_ok=True)
        stored = work / CLIPS
        if not stored.exists():
            _store(items, stored)
        job = {"bundle": str(bundle), "clips": str(stored)}
        heard = child.run("edgevoice_quantize.stt_child", job)
        texts: list[str] = heard["texts"]
        if bundle == source:
            (work / SOURCE_TEXTS).write_text(json.dumps(texts), "utf-8")
        was: list[str] = json.loads((work / SOURCE_TEXTS).read_text("utf-8"))
        mistakes = [compare(item.text, text) for item, text in zip(items, texts, strict=True)]
        wer, low, high = error_rate(mistakes)
        drifts = [compare(before, text) for before, text in zip(was, texts, strict=True)]
        audio_s = sum(len(item.samples) for item in items if item.samples is not None) / EARS_RATE
        words = sum(m.words for m in mistakes)
        return Measures(
            values={
                "mb": round(bundle_in_place(bundle, role=str(Role.STT)).size_mb, 3),
                "seconds": round(heard["seconds"], 3),
                "pss_mb": heard["pss_mb"],
                "wer": wer,
                "drift": error_rate(drifts)[0] if any(d.words for d in drifts) else 0.0,
            },
            noise={
                "seconds": round(heard["noise_s"], 3),
                "drift": heard["texts_changed"] / max(words, 1),
            },
            details={
                "wer_low": low,
                "wer_high": high,
                "prompts": len(items),
                "words": words,
                "same_as_source": sum(d.said == d.heard for d in drifts),
                "audio_s": round(audio_s, 1),
                "rtf": round(heard["seconds"] / audio_s, 4),
            },
        )

    def space(
        self, source: Path, calibration: Calibration, work: Path, progress: Progress
    ) -> Space:
        """Return what Whisper's matrices may become.

        Raises:
            Misused: it is not a Whisper for sherpa-onnx.

        """
        if bundle_in_place(source).engine != "whisper-onnx":
            raise Misused("Of speech-to-text, the search knows Whisper for sherpa-onnx alone.")
        from edgevoice_quantize import stt_space  # onnx is not needed to measure

        return stt_space.space(source, calibration, work, progress)


def _store(items: Sequence[Item], file: Path) -> None:
    """Write the clips to ``file``, whole or not at all."""
    draft = file.with_name(f"draft-{file.name}")
    arrays: dict[str, Any] = {f"{n:05}": item.samples for n, item in enumerate(items)}
    np.savez(draft, **arrays)
    draft.replace(file)


MEASURE = SttMeasure()
