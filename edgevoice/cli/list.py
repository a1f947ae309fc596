"""``edgevoice list``: the models there are, and those on this device."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass

from edgevoice.cli.models_folder import add_models, store_of
from edgevoice.core.bundle import Role
from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime.bundles.catalogue import Recipe, catalogue
from edgevoice.runtime.bundles.store import Store, size_of


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one bundle, and how it stands on this device."""

    name: str
    title: str
    role: str
    engine: str
    languages: tuple[str, ...]
    licence: str
    default: bool
    download_mb: float
    installed_mb: float
    """0 when it is not on this device."""
    partial_mb: float
    """Left by an interrupted pull."""
    problem: str = ""


def main(argv: list[str]) -> int:
    """Print a table, or JSON. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="edgevoice list", description="Show models.")
    add_models(parser)
    parser.add_argument("--role", choices=[str(role) for role in Role], help="of this role only")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(argv)
    store = store_of(options)
    rows = [row for row in _rows(store) if options.role in {None, row.role}]
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return 0
    width = max((len(row.name) for row in rows), default=4)
    engines = max((len(row.engine) for row in rows), default=6)
    for row in rows:
        mark = "*" if row.default else " "
        print(f"{mark} {row.name:{width}}  {row.role:4}  {row.engine:{engines}}  {_state(row)}")
    print(f"\n* part of the default set. Models lie in {store.root}")
    return 0


def _rows(store: Store) -> list[Row]:
    """Return the known bundles in the catalogue's order, then the user's own."""
    known = catalogue()
    own = [name for name in store.names() if name not in known]
    return [_row(name, known.get(name), store) for name in [*known, *own]]


def _row(name: str, recipe: Recipe | None, store: Store) -> Row:
    here = store.folder(name).is_dir()
    bundle, problem = None, ""
    if here:
        try:
            bundle = store.get(name)
        except EdgeVoiceError as error:
            problem = error.problem
    told = bundle or recipe
    return Row(
        name=name,
        title=recipe.title if recipe else name,
        role=str(told.role) if told else "",
        engine=told.engine if told else "",
        languages=told.languages if told else (),
        licence=told.licence if told else "",
        default=bool(recipe and recipe.default),
        download_mb=round(recipe.download_mb, 1) if recipe else 0.0,
        installed_mb=round(size_of(store.folder(name)) / 1e6, 1) if here else 0.0,
        partial_mb=round(sum(map(size_of, store.work_folders(name))) / 1e6, 1),
        problem=problem,
    )


def _state(row: Row) -> str:
    """Say in words how the bundle stands on this device."""
    if row.problem:
        return row.problem
    if row.installed_mb:
        return f"{row.installed_mb:,.0f} MB here"
    if row.partial_mb:
        return f"{row.download_mb:,.0f} MB to download, {row.partial_mb:,.0f} MB of it are here"
    return f"{row.download_mb:,.0f} MB to download"
