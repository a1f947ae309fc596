"""``edgevoice tune``: measure the models on this device, for plans to reckon with."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from edgevoice.cli.models_folder import add_models, store_of
from edgevoice.core.bundle import Role
from edgevoice.errors import Misused
from edgevoice.runtime.tuning import profile
from edgevoice.runtime.tuning.profile import Entry, Profile, ProfileUnusable
from edgevoice.runtime.tuning.tune import ROLES, Found, candidates, merged, thread_counts, tune

RESTLESS = 0.25
"""Rounds that lie further apart than this share say that others use the processor."""


def main(argv: list[str]) -> int:
    """Measure, and keep what was found. Returns 0 when every bundle could be measured."""
    options = _options(argv)
    roles = [Role(role) for role in options.role] or list(ROLES)
    installed = store_of(options).installed()
    if unknown := set(options.bundle) - {bundle.name for bundle in installed}:
        raise Misused(f"{min(unknown)} is not on this device.", hint="edgevoice list")
    chosen = [
        each
        for each in candidates(installed, roles)
        if each.name in (options.bundle or [each.name])
    ]
    if not chosen:
        raise Misused("There is no bundle to measure.", hint="edgevoice pull --default")
    kept = Profile(profile.machine_name())
    with suppress(ProfileUnusable):  # it is about to be replaced
        kept = profile.read(options.profile)
    failed = 0
    voices = candidates(installed, [Role.TTS])
    for found in tune(chosen, voices, options.threads or thread_counts(), _say):
        if found.entry:
            name = found.bundle.name
            kept = kept.with_entry(name, merged(kept.entries.get(name), found.entry))
            profile.write(kept, options.profile)  # at once: Ctrl-C keeps what is known
        failed += not found.entry
        _tell(found, options.json)
    if options.json:
        names = [bundle.name for bundle in chosen]
        entries = {n: asdict(e) for n, e in kept.entries.items() if n in names}
        print(json.dumps({"machine": kept.machine, "bundles": entries}, indent=1))
    else:
        print(f"{options.profile or profile.place()}: {len(kept.entries)} bundles.")
    return 1 if failed else 0


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="edgevoice tune",
        description="Measure the models on this device: their speed by threads, and memory. "
        "Plans reckon with it. Close other programs before; it takes about half a minute a model.",
    )
    add = parser.add_argument
    add("bundle", nargs="*", help="measure these only")
    add("--role", action="append", default=[], choices=[str(role) for role in ROLES])
    add("--threads", type=int, action="append", metavar="N", help="measure with so many threads")
    add("--profile", type=Path, metavar="FILE", help=f"keep it there (default: {profile.place()})")
    add("--json", action="store_true", help="print one JSON object")
    add_models(parser)
    options = parser.parse_args(argv)
    if min(options.threads or [1]) < 1:
        raise Misused("--threads must be 1 or more.")
    return options


def _say(line: str) -> None:
    print(f"measuring {line}", file=sys.stderr, flush=True)


def _tell(found: Found, as_json: bool) -> None:
    if not found.entry:
        print(f"edgevoice tune: {found.bundle.name}: {found.problem}", file=sys.stderr)
    elif not as_json:
        print(*_lines(found.bundle.name, found.entry), sep="\n", flush=True)


def _lines(name: str, entry: Entry) -> Iterator[str]:
    yield (
        f"{entry.role:4} {name}: loads in {entry.load_s:.1f} s, "
        f"{entry.loaded_mb:.0f} MB and {entry.working_mb:.0f} MB at work"
    )
    for timed in entry.timed:
        threads = f"{timed.threads} thread{'s' if timed.threads > 1 else ' '}"
        if timed.write_tps:
            said = (
                f"reads {timed.read_tps:.0f} and writes {timed.write_tps:.1f} tokens/s, "
                f"first words after {timed.first_s:.2f} s"
            )
        else:
            said = f"{timed.rtf:.3f} s for a second of sound, first after {timed.first_s:.2f} s"
        restless = f"  (rounds {timed.spread:.0%} apart)" if timed.spread > RESTLESS else ""
        yield f"     {threads}  {said}{restless}"
