"""``edgevoice doctor``: check sound, models, memory and processor."""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from edgevoice.cli.checks import device, memory, models, packages, plan, processor, server, sound
from edgevoice.cli.checks.finding import Finding, Grade, problem, warning
from edgevoice.cli.view import printable
from edgevoice.core.bundle import Bundle, Role
from edgevoice.core.plan_types import Limits
from edgevoice.core.rung import Need, Rung
from edgevoice.core.settings import Settings, describe
from edgevoice.errors import Misused
from edgevoice.runtime import machine
from edgevoice.runtime.bundles import catalogue, integrity
from edgevoice.runtime.bundles.store import Store
from edgevoice.runtime.device.sensors import Sensors
from edgevoice.runtime.ladders import ladders
from edgevoice.runtime.settings_file import read
from edgevoice.runtime.tuning import profile

COLOURS = {Grade.OK: "32", Grade.WARNING: "33", Grade.PROBLEM: "31"}
INDENT = " " * 24

SECOND_LOOK_S = 0.3
"""Between two samples of the device, so that there are rates."""


def main(argv: list[str]) -> int:
    """Report what was found. Returns 0 when a talk can be held, 1 when not."""
    options = _options(argv)
    if options.settings:
        print(describe(read(options.config, options.set)), end="")
        return 0
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a device's name may have any letter
    findings = []
    for finding in examine(options):
        findings.append(finding)
        if not options.json:
            print(*_lines(finding), sep="\n", flush=True)
    problems = sum(finding.grade is Grade.PROBLEM for finding in findings)
    if options.json:
        report = {"ready": not problems, "findings": [asdict(finding) for finding in findings]}
        print(json.dumps(report, indent=1))
    else:
        print("\n" + _verdict(findings, problems))
    return 1 if problems else 0


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="edgevoice doctor", description="Check what a talk needs, and say what to type."
    )
    add = parser.add_argument
    add("--json", action="store_true", help="print one JSON object")
    add("--settings", action="store_true", help="print all settings as an edgevoice.toml, and end")
    add(
        "--every-byte", action="store_true", help="read all model files, even those that look whole"
    )
    add("--models", type=Path, metavar="DIR", help="where the models are")
    add("--config", type=Path, metavar="TOML", help="settings (default: edgevoice.toml)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting")
    return parser.parse_args(argv)


def examine(
    options: argparse.Namespace,
    root: Path = machine.HERE,
    environment: Mapping[str, str] = os.environ,
    load: Callable[[], dict[str, packages.Loaded]] = packages.load,
) -> Iterator[Finding]:
    """Yield findings as they are made. A check that fails is one more finding."""
    settings = Settings()
    try:
        settings = read(options.config, options.set)
    except Misused as error:
        yield problem("settings", error.problem, error.hint)
    loaded: dict[str, packages.Loaded] = {}

    def check_packages() -> list[Finding]:
        loaded.update(load())
        return packages.check(loaded)

    def check_processor() -> list[Finding]:
        system = loaded.get("llama_cpp", packages.Loaded()).system
        return processor.check(machine.processor(root), system)

    def check_models() -> list[Finding]:
        folder = options.models or (
            Path(settings.models.folder) if settings.models.folder else None
        )
        store = Store(folder)
        checked = models.check(settings.bundles(), _getter(store, options.every_byte), _sizes)
        return [
            *checked.findings,
            *memory.check(machine.memory(root), checked.memory_mb),
            *memory.check_disk(store.root, checked.pull_mb),
        ]

    def check_device() -> list[Finding]:
        with Sensors(root) as sensors:
            sensors.sample(0.0)
            time.sleep(SECOND_LOOK_S)
            return device.check(sensors.sample(SECOND_LOOK_S, wait=True))

    def check_plan() -> list[Finding]:
        folder = Path(settings.models.folder) if settings.models.folder else None
        installed = Store(options.models or folder).installed()
        known, unusable = profile.measured(installed)
        measured_mb = {name: entry.memory_mb for name, entry in known.items()}
        rungs = ladders(installed, settings.bundles(), settings.llm.context, measured_mb)
        if settings.llm.url:
            rungs[Role.LLM] = [Rung(settings.llm.url, Role.LLM, (Need(0.0),))]
        speeds = {name: entry.speed for name, entry in known.items()}
        with Sensors(root) as sensors:
            limits = Limits(target_s=settings.plan.target_s)
            found = list(plan.check(sensors.sample(0.0), rungs, speeds, limits))
        return [*([warning("plan", unusable)] if unusable else []), *found]

    yield from _guarded("packages", check_packages)
    yield from _guarded("processor", check_processor)
    yield from _guarded("device", check_device)
    yield from _guarded("models", check_models)
    yield from _guarded("plan", check_plan)
    yield from _guarded("sound", lambda: sound.check(sound.ask(settings.audio), root, environment))
    yield from _guarded(server.AREA, lambda: server.check(settings.llm))


def _guarded(area: str, check: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - whatever is broken here is to be told, not to stop
        return [problem(area, f"This could not be checked: {type(error).__name__}: {error}.")]


def _getter(store: Store, every_byte: bool) -> models.Get:
    def get(name: str, role: Role) -> Bundle:
        bundle = store.get(name, role=role)
        if every_byte:
            integrity.check(bundle, hint=f"edgevoice pull {name}", every_byte=True)
        return bundle

    return get


def _sizes(name: str) -> models.Sizes | None:
    recipe = catalogue.catalogue().get(name)
    if recipe is None:
        return None
    # While a bundle is put together, its download and its files are both there.
    files_mb = sum(file.size_bytes for file in recipe.files) / 1e6
    return models.Sizes(recipe.memory_mb, recipe.download_mb + files_mb)


def _lines(finding: Finding) -> list[str]:
    grade = f"{finding.grade:9}"
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        grade = f"\x1b[{COLOURS[finding.grade]}m{grade}\x1b[0m"
    width = max(40, min(shutil.get_terminal_size().columns, 110)) - len(INDENT)
    text = [*textwrap.wrap(printable(finding.said), width)]
    text += (printable(detail) for detail in finding.details)
    text += [f"Try: {finding.hint}"] if finding.hint else []
    return [f"{grade}{finding.area:15}{text[0]}", *(INDENT + line for line in text[1:])]


def _verdict(findings: Sequence[Finding], problems: int) -> str:
    if problems:
        return f"Not ready: {problems} problem{'s' if problems > 1 else ''}."
    areas = {finding.area for finding in findings if finding.grade is Grade.OK}
    missing = [area for area in ("microphone", "loudspeaker") if area not in areas]
    if missing:
        return f"Ready without {' and '.join(missing)}: {sound.WITHOUT_EARS}"
    return "Ready: edgevoice talk"
