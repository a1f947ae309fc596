"""How fast one GGUF file is on this machine, in a process of its own.

    python -m bench.llm_speed FILE [--threads N] [--prompt-threads N]

Prints one JSON object; ``bench.llm`` runs it for each type of weights and shows the table.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edgevoice.backends import gguf
from edgevoice.backends.gguf_header import read_header
from edgevoice.backends.gguf_native import ContextSettings, NativeContext, NativeModel
from edgevoice.backends.gguf_sampler import Sampler, Sampling
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle, ModelFile, Role
from edgevoice.core.history import Message

PROMPT = 384
"""Tokens in the cache when a turn begins: a system prompt and a few turns."""

TURN, CLAUSE = 15, 10
"""Tokens of a typical new turn, and of the first clause of its reply."""

PIECES = (32, 64, 128, 256)
SHORT = (5, 10, 15, 20)
ROUNDS = 7

TALK = [
    Message("system", "You are a friendly voice assistant. Answer in one or two sentences."),
    Message("user", "Can you tell me what the weather in the mountains is like in spring?"),
]


class Ruler:
    """Times calls by the wall and by the processor, in ms."""

    def __init__(self, rounds: int = ROUNDS) -> None:
        self._rounds = rounds

    def __call__(self, act: Callable[[], object], before: Callable[[], object]) -> dict[str, float]:
        """Return the median, the fastest and the slowest of several calls after ``before``."""
        walls, cpus = [], []
        for _ in range(self._rounds):
            before()
            cpu, wall = time.process_time(), time.perf_counter()
            act()
            walls.append(1e3 * (time.perf_counter() - wall))
            cpus.append(1e3 * (time.process_time() - cpu))
        return {
            "ms": round(statistics.median(walls), 2),
            "least_ms": round(min(walls), 2),
            "most_ms": round(max(walls), 2),
            "cpu_ms": round(statistics.median(cpus), 2),
        }


class Bench:
    """One model and one context, driven without what surrounds them in the runtime."""

    def __init__(
        self, path: Path, threads: int, prompt_threads: int, piece: int = gguf.PIECE_TOKENS
    ) -> None:
        header = read_header(path)
        self.model = NativeModel(path, mapped=not gguf.copied_on_load(header))
        settings = ContextSettings(2048, piece, threads, prompt_threads, "f16")
        self.context = NativeContext(self.model, settings)
        self._sampler = Sampler(Sampling(0.0, 0.1, 0.8, 0), self.model.vocab)
        self._piece = piece
        text = Path(__file__).with_name("llm_talk.txt").read_text("utf-8")
        self._tokens = self.model.tokenize(text, markup=False)
        self.prefill(PROMPT)

    def prefill(self, count: int, start: int = 0) -> None:
        """Evaluate ``count`` tokens from the ``start``th on, as a prompt is."""
        wanted = self._tokens[start : start + count]
        for at in range(0, len(wanted), self._piece):
            piece = wanted[at : at + self._piece]
            self.context.decode(piece, output=at + len(piece) == len(wanted))
        self.context.sample(self._sampler.pointer)

    def decode(self, count: int) -> None:
        """Choose ``count`` tokens one after the other."""
        self._sampler.start()
        for _ in range(count):
            self.context.decode([self.context.sample(self._sampler.pointer)], output=True)

    def back(self, to: int = PROMPT) -> None:
        """Go back to the first ``to`` tokens."""
        self.context.rewind(to)

    def turn(self) -> None:
        """Evaluate a new turn, and decode the first clause of its reply."""
        self.prefill(TURN, PROMPT)
        self.decode(CLAUSE)


def measure(path: Path, threads: int, prompt_threads: int) -> dict[str, object]:
    """Return all that is measured of the file."""
    ruler, bench = Ruler(), Bench(path, threads, prompt_threads)
    prefill = ruler(lambda: bench.prefill(PROMPT), lambda: bench.back(0))
    decode = ruler(lambda: bench.decode(32), bench.back)
    return {
        "file": path.name,
        "threads": threads,
        "prompt_threads": prompt_threads,
        "file_mb": round(path.stat().st_size / 1e6, 1),
        "prefill": prefill,
        "prefill_tok_s": round(1e3 * PROMPT / prefill["ms"], 1),
        "decode": decode,
        "decode_tok_s": round(1e3 * 32 / decode["ms"], 1),
        "turn": ruler(bench.turn, bench.back),
        "short": {
            n: ruler(lambda n=n: bench.prefill(n, PROMPT), bench.back)  # type: ignore[misc]
            for n in SHORT
        },
        "rewind": ruler(lambda: bench.back(PROMPT - 20), lambda: bench.prefill(20, PROMPT)),
        "stop": _stop(bench),
        "peak_pss_mb": _pss_mb(),
    }


def pieces(path: Path) -> dict[int, dict[str, float]]:
    """Return what a prompt of 384 tokens costs on one thread, by the size of its pieces."""
    costs = {}
    for piece in PIECES:
        bench = Bench(path, 1, 1, piece)
        costs[piece] = Ruler()(lambda b=bench: b.prefill(PROMPT), lambda b=bench: b.back(0))  # type: ignore[misc]
    return costs


def first_piece(path: Path, threads: int, prompt_threads: int) -> dict[str, float]:
    """Return how long a reply's first piece takes when all but the last word is prefilled."""
    llm = gguf.load(as_bundle(path))
    llm.set_threads(threads, prompt_threads)
    other = [TALK[0], Message("user", "Is it far to the lake?")]

    def ask() -> None:
        next(iter(llm.reply(TALK, 8, CancelScope())))

    def prepare() -> None:
        llm.prefill(other, CancelScope())
        llm.prefill(TALK, CancelScope())

    return Ruler()(ask, prepare)


def as_bundle(path: Path) -> Bundle:
    """Return the file as the runtime takes it."""
    file = ModelFile(path.name, "", path.stat().st_size)
    return Bundle(path.stem, Role.LLM, "gguf", path.parent, (file,), "", "")


def _stop(bench: Bench) -> dict[str, float]:
    """Return how long a native call goes on after it was told to stop, at any instant of it."""
    waits, chance = [], random.Random(1)
    for _ in range(3 * ROUNDS):
        bench.back(64)
        flag = bench.context.stop_flag()
        told: list[float] = []

        def tell(flag: object = flag, told: list[float] = told) -> None:
            told.append(time.perf_counter())
            flag.value = b"1"  # type: ignore[attr-defined] # a ctypes buffer

        timer = threading.Timer(chance.uniform(0.0, 0.1), tell)
        timer.start()
        bench.prefill(PROMPT - 64, 64)
        waits.append(1e3 * (time.perf_counter() - told[0]))
        timer.join()
    bench.context.stop_flag()
    waits.sort()
    return {"ms": round(statistics.median(waits), 2), "most_ms": round(waits[-1], 2)}


def _pss_mb() -> float:
    rollup = Path("/proc/self/smaps_rollup").read_text("ascii")
    (kilobytes,) = re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)
    return round(int(kilobytes) * 1024 / 1e6, 1)


def main() -> None:
    """Measure one file."""
    parser = argparse.ArgumentParser(prog="python -m bench.llm_speed", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prompt-threads", type=int, default=1)
    parser.add_argument("--pieces", action="store_true", help="compare sizes of pieces only")
    args = parser.parse_args()
    if args.pieces:
        print(json.dumps(pieces(args.file)))
        return
    threads = (args.threads, args.prompt_threads)
    result = measure(args.file, *threads)
    print(json.dumps(result | {"first_piece": first_piece(args.file, *threads)}))


if __name__ == "__main__":
    main()
