"""Where the verbs for bundles look: ``--models``, else the settings, else the default folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from edgevoice.runtime.bundles.store import Store
from edgevoice.runtime.settings_file import read


def add_models(parser: argparse.ArgumentParser) -> None:
    """Give ``parser`` the option ``--models``."""
    parser.add_argument("--models", type=Path, metavar="DIR", help="where models lie")


def store_of(options: argparse.Namespace) -> Store:
    """Return the store that ``options`` and ``edgevoice.toml`` mean.

    Raises:
        Misused: ``edgevoice.toml`` is wrong.

    """
    if options.models:
        return Store(options.models)
    folder = read().models.folder
    return Store(Path(folder) if folder else None)
