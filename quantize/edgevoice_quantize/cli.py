"""``edgevoice quantize``: make a bundle smaller, and measure what it lost."""

from __future__ import annotations

import argparse
import sys
import textwrap
import tomllib
from pathlib import Path

from edgevoice.errors import BackendMissing, EdgeVoiceError
from edgevoice_export import output
from edgevoice_export.lines import Lines
from edgevoice_quantize import recipe
from edgevoice_quantize.outcome import Outcome
from edgevoice_quantize.quantize import Wish, keep, quantize
from edgevoice_quantize.workspace import usual_folder

EXAMPLES = """
  edgevoice quantize ./whisper-tiny-en --output ./whisper-small
      tries every recipe for its engine, keeps the smallest that passes the gate
  edgevoice quantize ./whisper-tiny-en --output ./whisper-small --recipe stt-int8
  edgevoice quantize ./whisper-tiny-en --output ./whisper-small --budget wer+0.5 --report ./report
      searches, layer by layer, for the smallest model within the budget
  edgevoice quantize ./my-whisper --output ./small --data ./recordings
      judges by your own speech: NAME.wav, and NAME.txt with what is said

Then:
  edgevoice talk --set stt.bundle=./whisper-small
"""

BUDGETS = """
A budget is one limit or several, parted by commas. Shares are given in per cent.
  wer+0.5      word errors at most half a point above the source's
  drift<=2     at most 2 % of the words other than the source's
  kl<=0.05     divergence of the language model's tokens from the source's, in nats
  top1>=95     the same likeliest token for 95 % of the tokens
  mcd<=1.0     mel-cepstral distance of a voice from the source's, in dB
  size<=60MB   time<=20s   memory<=200MB   or as shares of the source's: size<=55%, time<=75%
"""


def main(argv: list[str]) -> int:
    """Quantize one bundle. Returns the exit status."""
    options = _parse(argv)
    progress = Lines()
    output.check_free(options.output, replace=options.replace)
    wish = Wish(
        recipes=tuple(recipe.load(name) for name in options.recipe),
        budget=options.budget,
        search=bool(options.budget) and not options.recipe,
        fastest=options.fastest,
        data=options.data,
        every=options.every,
        work=options.work,
    )
    try:
        outcome, workspace = quantize(options.bundle, wish, progress)
        if options.report:
            _report(options.report, outcome)
        bundle = keep(outcome, workspace, options.output, progress, replace=options.replace)
    except KeyboardInterrupt:
        print(
            "edgevoice quantize: stopped; the same command goes on where it was.", file=sys.stderr
        )
        raise
    source_mb = outcome.source.values["mb"]
    progress.say(
        f"{bundle.name}: {bundle.size_mb:,.1f} MB instead of {source_mb:,.1f} in {bundle.folder}"
    )
    progress.say(f"edgevoice talk --set {bundle.role}.bundle={bundle.folder.absolute()}")
    return 0


def _report(folder: Path, outcome: Outcome) -> None:
    try:
        from edgevoice_quantize import report
    except ModuleNotFoundError as missing:
        raise BackendMissing(str(missing.name), extra="quantize") from missing
    try:
        report.write(folder, outcome)
    except OSError as error:
        raise EdgeVoiceError(f"The report cannot be written to {folder}: {error}") from error


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="edgevoice quantize",
        description="Make a bundle smaller, and keep it only if it holds what it should.",
        epilog=f"Recipes:\n{_recipes()}\n{BUDGETS}\nExamples:{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", type=Path, help="the folder of a bundle, as exported")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument("--replace", action="store_true", help="replace a bundle that is there")
    parser.add_argument(
        *("--recipe", "-r"),
        action="append",
        default=[],
        metavar="NAME|FILE",
        help="a recipe of those below, or a TOML file; several are compared",
    )
    parser.add_argument("--budget", default="", help="what may be lost; without --recipe: search")
    parser.add_argument("--fastest", action="store_true", help="keep the fastest, not the smallest")
    parser.add_argument("--report", type=Path, metavar="DIR", help="table, picture and JSON")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="what to calibrate on and judge by"
    )
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="only each Nth of the data"
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=usual_folder(),
        metavar="DIR",
        help="where variants and their figures are kept",
    )
    return parser.parse_args(argv)


def _recipes() -> str:
    """Return the names of the built-in recipes with what they do; read without their libraries."""
    lines = []
    for name in recipe.built_in():
        table = tomllib.loads((recipe.BUILT_IN / f"{name}.toml").read_text("utf-8"))
        start = f"  {name:28}"
        told = f"{table.get('summary', '')} ({table['engine']})"
        lines.append(textwrap.fill(told, 96, initial_indent=start, subsequent_indent=" " * 30))
    return "\n".join(lines)
