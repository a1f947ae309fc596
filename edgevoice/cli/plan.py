"""``edgevoice plan``: what would run on this device, or on one in a file, and why."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from math import inf, isfinite
from pathlib import Path

from edgevoice.cli.models_folder import add_models
from edgevoice.core.bundle import Role
from edgevoice.core.cooling import margin_k
from edgevoice.core.device import Device
from edgevoice.core.governor import QUIET
from edgevoice.core.plan import Verdict, plan, survey
from edgevoice.core.plan_types import TARGET_S, Limits, Plan
from edgevoice.core.rung import Need, Rung, Rungs, Speeds
from edgevoice.errors import EdgeVoiceError, Misused
from edgevoice.runtime import machine
from edgevoice.runtime.bundles.catalogue import catalogue
from edgevoice.runtime.bundles.store import Store
from edgevoice.runtime.device import file
from edgevoice.runtime.device.sensors import Sensors
from edgevoice.runtime.energy import WATTS_PER_CORE
from edgevoice.runtime.ladders import ladders, rung
from edgevoice.runtime.settings_file import read
from edgevoice.runtime.tuning import profile

SECOND_LOOK_S = 0.5
"""Between two samples, so that there are rates."""


@dataclass(frozen=True)
class Case:
    """What is to be planned."""

    device: Device
    rungs: Rungs
    speeds: Speeds
    limits: Limits
    is_here: bool = False


def main(argv: list[str]) -> int:
    """Print the plan. Returns 0 when it fits, 1 when nothing does."""
    options = _options(argv)
    case = _from_file(options) if options.device else _here(options)
    case = replace(case, limits=replace(case.limits, target_s=options.target))
    if options.quiet:
        best = plan(case.device, case.rungs, None, case.speeds, case.limits).loads[0]
        most = min(case.limits.most_load, QUIET * best)
        case = replace(case, limits=replace(case.limits, most_load=most))
    chosen = plan(case.device, case.rungs, None, case.speeds, case.limits)
    verdicts = survey(case.device, case.rungs, chosen, case.speeds, case.limits)
    if options.json:
        print(json.dumps(_report(case, chosen, verdicts), indent=1))
    else:
        print(*_lines(case, chosen, verdicts), sep="\n")
    return 1 if chosen.lacks_mb else 0


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="edgevoice plan",
        description="Show what would run on this device, what else fits, and what limits it.",
    )
    add = parser.add_argument
    add("--device", type=Path, metavar="TOML", help="a device in a file instead of this one")
    add("--root", type=Path, default=machine.HERE, metavar="DIR", help="look there for /proc, /sys")
    add("--profile", type=Path, metavar="FILE", help="what `edgevoice tune` measured of this one")
    add("--target", type=float, default=TARGET_S, metavar="S", help="wait for the reply to aim at")
    add("--watts", type=float, metavar="W", help="most power to take on average")
    add("--quiet", action="store_true", help="keep the device cool, and its battery lasting")
    add("--json", action="store_true", help="print one JSON object")
    add("--config", type=Path, metavar="TOML", help="settings (default: edgevoice.toml)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting")
    add_models(parser)
    options = parser.parse_args(argv)
    if options.target <= 0 or (options.watts or 1) <= 0:
        raise Misused("--target and --watts must be greater than 0.")
    return options


def _here(options: argparse.Namespace) -> Case:
    settings = read(options.config, options.set)
    store = _store(options, settings.models.folder)
    installed = store.installed()
    chosen = settings.bundles()
    for role in (Role.STT, Role.LLM, Role.TTS):
        if role in chosen:
            store.get(chosen[role], role=role)  # says what to type where it is missing
    known, problem = profile.measured(installed, options.profile, root=options.root)
    if problem:
        print(f"edgevoice plan: {problem}", file=sys.stderr)
    measured_mb = {name: entry.memory_mb for name, entry in known.items()}
    rungs = ladders(installed, chosen, settings.llm.context, measured_mb)
    if settings.llm.url:
        rungs[Role.LLM] = [Rung(settings.llm.url, Role.LLM, (Need(0.0),))]
    with Sensors(options.root) as sensors:
        sensors.sample(0.0)
        time.sleep(SECOND_LOOK_S)
        device = sensors.sample(SECOND_LOOK_S, wait=True)
    most_load = options.watts / WATTS_PER_CORE if options.watts else inf
    speeds = {name: entry.speed for name, entry in known.items()}
    return Case(device, rungs, speeds, Limits(most_load=most_load), is_here=True)


def _from_file(options: argparse.Namespace) -> Case:
    told = file.read(options.device)
    rungs = rungs_in_file(told)
    for installed in _store(options, read().models.folder).installed():
        ladder = rungs.get(installed.role, [])
        for index, each in enumerate(ladder):
            if each.bundle == installed.name:
                with suppress(EdgeVoiceError):  # then what the catalogue says must do
                    ladder[index] = rung(installed)
    for role in (Role.STT, Role.LLM, Role.TTS):
        if role not in rungs:
            raise Misused(f"{options.device}: it has no bundle of the role {role}.")
    most_load = inf
    if told.body and told.firmware:
        trip_c, thermal = told.firmware.trip_c, told.body.thermal
        most_load = thermal.load_at(trip_c - margin_k(thermal, trip_c))
    if told.body and options.watts:
        most_load = min(most_load, max(0.0, options.watts - told.body.idle_w) / told.body.core_w)
    speeds = {name: each.speed for name, each in told.bundles.items() if each.is_timed}
    return Case(told.device, rungs, speeds, Limits(most_load=most_load))


def rungs_in_file(told: file.DeviceFile) -> dict[Role, list[Rung]]:
    """Return the ladders of a device file, with what it and the catalogue say of memory."""
    rungs: dict[Role, list[Rung]] = {}
    for name, bundle in told.bundles.items():
        rungs.setdefault(Role(bundle.role), []).append(_rung_in_file(name, bundle))
    return rungs


def _rung_in_file(name: str, bundle: file.Bundle) -> Rung:
    recipe = catalogue().get(name)
    memory_mb = bundle.memory_mb or (recipe.memory_mb if recipe else 0.0)
    if not memory_mb:
        raise Misused(f"bundles.{name}.memory_mb is missing, and nothing else tells it.")
    return Rung(name, Role(bundle.role), (Need(memory_mb, 2048, "f16"),), bundle.weights_mb)


def _store(options: argparse.Namespace, folder: str) -> Store:
    return Store(options.models or (Path(folder) if folder else None))


def _report(case: Case, chosen: Plan, verdicts: Sequence[Verdict]) -> Mapping[str, object]:
    most = case.limits.most_load
    return {
        "device": {**asdict(case.device), "throttling": None, "unknown": case.device.unknown},
        "plan": {
            "bundles": {str(role): name for role, name in chosen.bundles.items()},
            "threads": {str(role): threads for role, threads in chosen.threads.items()},
            "context_tokens": chosen.need.context_tokens,
            "kv_type": chosen.need.kv_type,
            "speculation": chosen.speculation,
            "partial_growth": chosen.partial_growth,
            "need_mb": round(chosen.need_mb, 1),
            "lacks_mb": round(chosen.lacks_mb, 1),
            "latency_s": round(chosen.cost.latency_s, 3),
            "cpu_s_per_turn": round(chosen.cost.cpu_s, 3),
            "busy_cores": round(chosen.cost.load, 3),
            "most_busy_cores": round(most, 3) if isfinite(most) else None,
            "levels": [round(load, 3) for load in chosen.loads],
            "why": [asdict(reason) for reason in chosen.why],
        },
        "bundles": [
            {
                "role": str(each.rung.role),
                "bundle": each.rung.bundle,
                "runs": each.runs,
                "need_mb": round(each.need_mb, 1),
                "latency_s": round(each.latency_s, 3),
                "busy_cores": round(each.load, 3),
                "assumed": each.assumed,
                "limit": each.limit,
                "said": each.said,
            }
            for each in verdicts
        ],
    }


def _lines(case: Case, chosen: Plan, verdicts: Sequence[Verdict]) -> Iterator[str]:
    device = case.device
    yield f"{device.name}: {', '.join(_has(device))}"
    if device.unknown and case.is_here:
        yield f"It does not tell: {', '.join(device.unknown)}."
    yield ""
    name_width = max(len(each.rung.bundle) for each in verdicts)
    yield f"  {'':5} {'':{name_width}} {'memory':>8} {'reply':>7} {'cores':>6}"
    for each in verdicts:
        mark = "*" if each.runs else " "
        about = "~" if each.assumed else " "
        figures = f"{each.need_mb:5.0f} MB {about}{each.latency_s:4.1f} s {each.load:6.2f}"
        said = each.said if not each.limit else f"{each.limit}: {each.said}"
        yield f"{mark} {each.rung.role:5} {each.rung.bundle:{name_width}} {figures}  {said}"
    if any(each.assumed for each in verdicts):
        yield "~ with speeds that were not measured on this device (edgevoice tune does)"
    yield ""
    if chosen.lacks_mb:
        yield (
            f"Nothing fits: {chosen.need_mb:.0f} MB are needed, "
            f"{chosen.need_mb - chosen.lacks_mb:.0f} MB can be had."
        )
        return
    threads, need = chosen.threads[Role.LLM], chosen.need
    yield (
        f"Runs (*): {chosen.need_mb:.0f} MB, reply after about {chosen.cost.latency_s:.1f} s, "
        f"{chosen.cost.load:.2f} cores busy in a lively talk."
    )
    yield (
        f"LLM: {threads} thread{'s' if threads > 1 else ''}, "
        f"{need.context_tokens} tokens of context in {need.kv_type}; "
        f"ahead of the turn's end: {chosen.speculation}."
    )
    for reason in chosen.why:
        yield f"{reason.about} is {reason.chosen} ({reason.limit or 'level'}): {reason.said}"


def _has(device: Device) -> Iterator[str]:
    yield f"{device.cores} core{'s' if device.cores > 1 else ''}"
    if device.cpu_share is not None and device.cpu_share < device.cores:
        yield f"{device.cpu_share:g} of them granted"
    if device.memory_free_mb is not None:
        yield f"{device.memory_free_mb:.0f} MB of {device.memory_total_mb or 0:.0f} MB free"
    if hottest := device.hottest:
        yield f"{hottest.celsius:.0f} °C, throttled from {hottest.trip_c:.0f} °C on"
    if device.battery and device.battery.percent is not None:
        yield f"battery at {device.battery.percent:.0f} %"
