"""An hour of talk on devices that are not here, by several policies.

    python -m bench.simulate [DEVICE.toml ...] [--minutes N] [--seed N] [--json FILE]
                             [--pictures DIR]

The real conversation and the real plan run in virtual time on a simulated body: "none" plans once,
"at_trip" steps down when the device throttles, "governed" is the governor, "oracle" knows the
device exactly and swaps models in no time. ``tokens`` were heard; ``mean_model_mb`` is the size of
the weights that wrote them; ``trips`` counts how often the device began to throttle.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.report import parser, percentile_ms, table, write
from bench.simulate.body import Heat
from bench.simulate.policies import AtTrip, Fixed, Oracle, Policy
from bench.simulate.talk import Outcome, Talk
from edgevoice.cli.plan import rungs_in_file
from edgevoice.core.bundle import Role
from edgevoice.core.governor import Governor
from edgevoice.runtime.device.file import DeviceFile, read

DEVICES = Path(__file__).parents[1] / "devices"

POLICIES = ("none", "at_trip", "governed", "oracle")


def main() -> None:
    """Simulate, print, write."""
    options = _options()
    found: dict[str, dict[str, dict[str, object]]] = {}
    for path in options.device or sorted(DEVICES.glob("*.toml")):
        told = read(path)
        outcomes = {
            name: simulate(told, name, 60.0 * options.minutes, options.seed) for name in POLICIES
        }
        found[path.stem] = {name: figures for name, (figures, _) in outcomes.items()}
        rows = [[name, *figures.values()] for name, figures in found[path.stem].items()]
        columns = ["", *(key.replace("_", " ") for key in found[path.stem]["none"])]
        table(told.machine.name, columns, rows)
        if options.pictures:
            from bench.simulate.picture import draw

            options.pictures.mkdir(parents=True, exist_ok=True)
            courses = {name: outcome for name, (_, outcome) in outcomes.items()}
            draw(told, courses, options.pictures / f"{path.stem}.png")
    write(options.json, {"bench": "simulate", "minutes": options.minutes, "devices": found})


def simulate(
    told: DeviceFile, policy_name: str, seconds: float, seed: int = 1
) -> tuple[dict[str, object], Outcome]:
    """Return the figures and the course of one talk."""
    assert told.body, f"{told.machine.name} has no body"
    assert told.firmware, f"{told.machine.name} does not say how it throttles"
    heat = Heat(told.body, told.firmware, seed)
    rungs = rungs_in_file(told)
    policy = _policy(policy_name, told, heat)
    instant = policy_name == "oracle"
    outcome = Talk(told, rungs, heat, policy, seed, instant=instant).run(seconds)
    tokens = outcome.heard.tokens
    weights = {each.bundle: each.weights_mb for each in rungs[Role.LLM]}
    size_mb = sum(count * weights[name] for name, count in tokens.items())
    waits = [wait for _, wait in outcome.latencies]
    figures: dict[str, object] = {
        "tokens": round(sum(tokens.values())),
        "mean_model_mb": round(size_mb / max(1.0, sum(tokens.values()))),
        "trips": heat.trips,
        "p50_ms": percentile_ms(waits, 50),
        "p95_ms": percentile_ms(waits, 95),
        "level_changes": policy.changes,
        "highest_c": round(heat.highest_c, 1),
        "stutters": outcome.heard.stutters,
        "cpu_s_per_turn": round(outcome.cpu_s / max(1, len(waits)), 2),
        "turns": len(waits),
    }
    return figures, outcome


def _policy(name: str, told: DeviceFile, heat: Heat) -> Policy:
    rungs = rungs_in_file(told)
    speeds = {bundle: each.speed for bundle, each in told.bundles.items() if each.is_timed}
    if name == "governed":
        return Governor(rungs, speeds)
    if name == "oracle":
        return Oracle(rungs, speeds, heat)
    return {"none": Fixed, "at_trip": AtTrip}[name](rungs, speeds)


def _options() -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("device", nargs="*", type=Path, help="device files (default: bench/devices)")
    made.add_argument("--minutes", type=float, default=60.0)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--pictures", type=Path, metavar="DIR", help="draw each device's hour")
    return made.parse_args()


if __name__ == "__main__":
    main()
