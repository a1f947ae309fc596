"""What a talk would run on this device by its plan, and what keeps it from the chosen models."""

from __future__ import annotations

from collections.abc import Iterator

from edgevoice.cli.checks.finding import Finding, ok, problem, warning
from edgevoice.core.bundle import Role
from edgevoice.core.device import Device
from edgevoice.core.plan import plan
from edgevoice.core.plan_types import Limits
from edgevoice.core.rung import Rungs, Speeds

HINT = "edgevoice plan, which tells what each model costs"


def check(device: Device, rungs: Rungs, speeds: Speeds, limits: Limits) -> Iterator[Finding]:
    """Yield what the plan says; ``rungs`` as ``edgevoice plan`` has them."""
    if not all(rungs.get(role) for role in (Role.STT, Role.LLM, Role.TTS)):
        return  # what is missing was told already
    chosen = plan(device, rungs, None, speeds, limits)
    if chosen.lacks_mb:
        said = f"Even the smallest models here lack {chosen.lacks_mb:.0f} MB."
        yield problem("plan", said, HINT)
        return
    for reason in chosen.why:
        said = f"{reason.about} will be {reason.chosen} ({reason.limit or 'level'}): {reason.said}"
        yield warning("plan", f"{said}.", HINT)
    worked = _worked(chosen.bundles)
    about = "" if all(name in speeds for name in worked) else "by a guess "
    yield ok(
        "plan",
        f"{', '.join(worked)}; {about}a reply after {chosen.cost.latency_s:.1f} s, "
        f"{chosen.cost.load:.2f} cores busy",
    )


def _worked(bundles: dict[Role, str]) -> list[str]:
    return [bundles[role] for role in (Role.STT, Role.LLM, Role.TTS) if role in bundles]
