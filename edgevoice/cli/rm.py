"""``edgevoice rm``: remove models from this device."""

from __future__ import annotations

import argparse

from edgevoice.cli.models_folder import add_models, store_of
from edgevoice.errors import ModelError, ModelMissing
from edgevoice.runtime.bundles.disk import disk_errors
from edgevoice.runtime.bundles.pull import discard
from edgevoice.runtime.bundles.store import Store


def main(argv: list[str]) -> int:
    """Remove the bundles named, and what interrupted pulls left. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="edgevoice rm", description="Remove models.")
    parser.add_argument("names", nargs="+", metavar="NAME")
    add_models(parser)
    options = parser.parse_args(argv)
    store = store_of(options)
    for name in options.names:
        print(f"{name}: {_remove(name, store) / 1e6:,.0f} MB freed")
    return 0


def _remove(name: str, store: Store) -> int:
    """Return how many bytes were freed."""
    partial = discard(name, store) if store.partial.is_dir() else 0
    try:
        with disk_errors(store.root):
            return partial + store.remove(name)
    except ModelMissing as missing:
        if partial:
            return partial
        raise ModelError(missing.problem, hint="edgevoice list") from missing
