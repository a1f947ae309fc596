"""``edgevoice export``: turn a checkpoint into a bundle."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edgevoice_export.export import export
from edgevoice_export.lines import Lines
from edgevoice_export.locate import locate
from edgevoice_export.recipes import RECIPES, TARGETS

EXAMPLES = """
  edgevoice export ./whisper-tiny.en --to sherpa-onnx --output ./whisper-tiny-en
  edgevoice export HuggingFaceTB/SmolLM2-135M-Instruct --to gguf --output ./smollm2
  edgevoice export ./en_US-joe-medium.onnx --to sherpa-onnx --output ./joe

Then:
  edgevoice talk --set stt.bundle=./whisper-tiny-en
  edgevoice pull ./whisper-tiny-en
"""


def main(argv: list[str]) -> int:
    """Export one checkpoint. Returns the exit status."""
    options = _parse(argv)
    progress = Lines()
    source = locate(options.checkpoint, progress)
    try:
        bundle = export(
            source,
            options.to,
            options.output,
            progress,
            licence=options.licence,
            replace_old=options.replace,
        )
    except KeyboardInterrupt:
        print("edgevoice export: stopped; nothing was kept.", file=sys.stderr)
        raise
    progress.say(f"{bundle.name}: {bundle.size_mb:,.1f} MB in {bundle.folder}")
    progress.say(f"edgevoice talk --set {bundle.role}.bundle={bundle.folder.absolute()}")
    return 0


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="edgevoice export",
        description="Turn a checkpoint into a bundle that edgevoice talks with.",
        epilog=f"{_table()}\n\nExamples:{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", help="a folder, a Piper voice, or ORG/REPO on the hub")
    parser.add_argument("--to", choices=TARGETS, required=True, help="what is to run it")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument("--replace", action="store_true", help="replace a bundle that is there")
    parser.add_argument("--licence", default="", help="where the checkpoint does not say it")
    return parser.parse_args(argv)


def _table() -> str:
    """Return which architecture can go where."""
    known = sorted({architecture for architecture, _ in RECIPES})
    width = max(map(len, known)) + 2
    rows = (
        f"  {one:{width}}{', '.join(to for arch, to in RECIPES if arch == one)}" for one in known
    )
    return "Architectures and targets:\n" + "\n".join(rows)
