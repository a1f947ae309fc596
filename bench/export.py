"""What exporting leaves of a model: transcripts and replies beside those of the source.

    python -m bench.export [--every N] [--work DIR] [--json FILE]

Whisper tiny.en is exported to each of its targets, and every bundle hears Asterisk's prompts of
at most ten seconds (longer ones the runtime hears in pieces) through the runtime's own backends;
the source hears them in transformers, in windows of 30 s. SmolLM2 is exported to GGUF in
float16, and continues twenty prompts greedily as the source does. Needs edgevoice[export,bench].
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jiwer
import llama_cpp
import numpy as np
import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from bench import checkpoints
from bench.report import parser, table, write
from edgevoice.backends import engines
from edgevoice.backends.protocols import EARS_RATE
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.runtime.bundles import manifest
from edgevoice.runtime.bundles.manifest import MANIFEST
from edgevoice_export.checkpoint import open_checkpoint
from edgevoice_export.export import export
from edgevoice_export.lines import Lines
from edgevoice_export.llm_reference import LlmReference
from edgevoice_quantize.speech import Clip, asterisk
from edgevoice_quantize.words import comparable

LONGEST_S = 10.0
WHISPER, SMOLLM = "whisper-tiny.en", "smollm2-135m-instruct"
TARGETS = ("sherpa-onnx", "ctranslate2", "onnx")
REPLY_TOKENS = 32
PROMPTS = tuple(
    f"{opening} {subject}"
    for opening in ("Tell me about", "The most important thing to know of")
    for subject in (
        *("the sea.", "winter in the north.", "bread and butter.", "old clocks.", "a good friend."),
        *("the moon.", "learning to swim.", "trains.", "music at night.", "apples and pears."),
    )
)
"""Twenty beginnings, each to be continued."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one engine made of the prompts."""

    wer: float
    same_as_source: int
    prompts: int
    cpu_s: float
    mb: float


def main() -> None:
    """Export, measure, print, write."""
    options = _options()
    torch.set_num_threads(1)
    clips = [clip for clip in asterisk() if len(clip.samples) <= LONGEST_S * EARS_RATE]
    stt = transcripts(clips[:: options.every], options.work)
    rows = [
        (
            name,
            f"{h.wer:.1%}",
            f"{h.same_as_source} of {h.prompts}",
            f"{h.cpu_s:.1f}",
            f"{h.mb:.0f}",
        )
        for name, h in stt.items()
    ]
    table(WHISPER, ("", "WER", "same as source", "CPU-seconds", "MB"), rows)
    same = replies(options.work)
    table(SMOLLM, ("", "same as source"), [("gguf f16", f"{same} of {len(PROMPTS)} replies")])
    found = {name: asdict(heard) for name, heard in stt.items()}
    write(
        options.json,
        {"bench": "export", "stt": found, "llm": {"same": same, "prompts": len(PROMPTS)}},
    )


def transcripts(clips: Sequence[Clip], work: Path) -> dict[str, Heard]:
    """Return what source and bundles heard in ``clips``, by engine."""
    folder = checkpoints.cached(WHISPER)
    reference = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    processor = WhisperProcessor.from_pretrained(folder)
    started = time.process_time()
    source = [_transcript(clip, reference, processor) for clip in clips]
    megabytes = open_checkpoint(folder).weight_bytes / 1e6
    found = {
        "transformers": _heard(clips, source, source, time.process_time() - started, megabytes)
    }
    for target in TARGETS:
        bundle = _bundle(WHISPER, target, work)
        model = engines.load(bundle, threads=1)
        started = time.process_time()
        texts = [model.transcribe(clip.samples, CancelScope()) for clip in clips]
        taken_s = time.process_time() - started
        found[f"{target} ({bundle.engine})"] = _heard(clips, texts, source, taken_s, bundle.size_mb)
    return found


def replies(work: Path) -> int:
    """Return how many of ``PROMPTS`` the GGUF file continues token for token as the source."""
    bundle = _bundle(SMOLLM, "gguf", work)
    source = LlmReference(open_checkpoint(checkpoints.cached(SMOLLM)))
    file = next(bundle.folder.glob("*.gguf"))
    model: Any = llama_cpp.Llama(str(file), n_ctx=256, n_threads=1, verbose=False)
    same = 0
    for prompt in PROMPTS:
        tokens = source.tokens(prompt)
        model.reset()
        said: list[int] = []
        while len(said) < REPLY_TOKENS:
            model.eval(said[-1:] or tokens)
            logits = llama_cpp.llama_get_logits_ith(model.ctx, -1)
            said.append(int(np.ctypeslib.as_array(logits, shape=(model.n_vocab(),)).argmax()))
        same += said == source.greedy(tokens, REPLY_TOKENS)
    model.close()
    return same


def _heard(
    clips: Sequence[Clip], texts: list[str], source: list[str], cpu_s: float, mb: float
) -> Heard:
    pairs = [comparable(clip.text, text) for clip, text in zip(clips, texts, strict=True)]
    wer = float(jiwer.wer([said for said, _ in pairs], [heard for _, heard in pairs]))
    both = [comparable(wanted, text) for wanted, text in zip(source, texts, strict=True)]
    return Heard(wer, sum(a == b for a, b in both), len(clips), cpu_s, mb)


def _bundle(name: str, target: str, work: Path) -> Bundle:
    folder = work / f"{name}-{target}"
    if not (folder / MANIFEST).is_file():
        export(open_checkpoint(checkpoints.cached(name)), target, folder, Lines())
    return manifest.read(folder)


def _transcript(clip: Clip, model: Any, processor: Any) -> str:
    features = processor(clip.samples, sampling_rate=EARS_RATE, return_tensors="pt")
    with torch.inference_mode():
        tokens = model.generate(features.input_features)
    text: str = processor.batch_decode(tokens, skip_special_tokens=True)[0]
    return text.strip()


def _options() -> argparse.Namespace:
    made = parser(__doc__ or "")
    made.add_argument("--every", type=int, default=1, metavar="N", help="hear every Nth prompt")
    made.add_argument("--work", type=Path, default=Path("exports"), help="where bundles are kept")
    return made.parse_args()


if __name__ == "__main__":
    main()
