"""``edgevoice show``: all that is known of a model."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from edgevoice.cli.models_folder import add_models, store_of
from edgevoice.core.bundle import Bundle
from edgevoice.errors import EdgeVoiceError, ModelMissing
from edgevoice.runtime.bundles.catalogue import Recipe, catalogue


def main(argv: list[str]) -> int:
    """Print what is known of one bundle. Returns the exit status: 1 when it is damaged."""
    parser = argparse.ArgumentParser(prog="edgevoice show", description="Show a model.")
    parser.add_argument("name", metavar="NAME", help="a bundle, or a path to one")
    add_models(parser)
    parser.add_argument("--check", action="store_true", help="hash all files again")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(argv)
    recipe = catalogue().get(options.name)
    bundle, problem = None, ""
    try:
        bundle = store_of(options).get(options.name, every_byte=options.check)
    except ModelMissing:
        if recipe is None:
            raise
    except EdgeVoiceError as error:
        if recipe is None:
            raise
        problem = str(error)
    facts = _facts(recipe, bundle) | ({"problem": problem} if problem else {})
    if options.json:
        print(json.dumps(facts, indent=2, default=str))
    else:
        _print(facts)
    return 1 if problem else 0


def _facts(recipe: Recipe | None, bundle: Bundle | None) -> dict[str, Any]:
    """Return what is worth telling, in the order of telling."""
    told = bundle or recipe
    assert told is not None  # noqa: S101 - the caller has one of the two
    facts: dict[str, Any] = {
        "name": told.name,
        "title": recipe.title if recipe else told.name,
        "role": str(told.role),
        "engine": told.engine,
        "languages": list(told.languages),
        "sample rate (Hz)": told.sample_rate or None,
        "memory (MB)": told.memory_mb or None,
        "licence": told.licence,
        "made by": told.source,
        "options": dict(told.options),
        "folder": bundle.folder if bundle else "not on this device",
        "files": [asdict(file) for file in told.files],
    }
    if recipe:
        facts["packages"] = [wheel.package for wheel in recipe.wheels]
        facts["download (MB)"] = round(recipe.download_mb, 1)
        facts["on the hub"] = list(recipe.hub.values())
        facts["prepared here"] = [f"{p.target} from {p.source}" for p in recipe.prepare]
    return {key: value for key, value in facts.items() if value not in (None, [], {})}


def _print(facts: dict[str, Any]) -> None:
    for key, value in facts.items():
        if key == "files":
            print("files")
            for file in value:
                print(f"  {file['name']}  {file['size_bytes']:,} bytes  {file['sha256']}")
        else:
            print(f"{key:17} {', '.join(map(str, value)) if isinstance(value, list) else value}")
