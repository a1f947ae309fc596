"""From a bundle to the best smaller one: recipes tried, a space searched, all of it judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgevoice.core.bundle import Bundle
from edgevoice.errors import EdgeVoiceError, Misused, ModelError
from edgevoice.runtime.bundles import integrity
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_quantize import gate, held_out, measures, recipe, variant
from edgevoice_quantize.budget import Limit, parse
from edgevoice_quantize.gate import Verdict
from edgevoice_quantize.measures import Measure
from edgevoice_quantize.outcome import Outcome, Row
from edgevoice_quantize.recipe import Recipe
from edgevoice_quantize.search import Chosen, Tried, search
from edgevoice_quantize.workspace import Workspace, usual_folder

CONFIRMED = 6
"""Candidates of a search that are judged on held-out data, the best first, until one is kept. The
first are those that the calibration data flatters most: of a voice, four fell through."""

COSTS = {"mb", "seconds", "pss_mb"}
"""Measures that get better along the search's path; all others get worse."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for. ``recipes`` empty: all that are built in for the engine."""

    recipes: tuple[Recipe, ...] = ()
    budget: str = ""
    search: bool = False
    fastest: bool = False
    data: Path | None = None
    every: int = 1
    work: Path = field(default_factory=usual_folder)


def quantize(folder: Path, wish: Wish, progress: Progress) -> tuple[Outcome, Workspace]:
    """Return what came of the bundle in ``folder``, and where its variants are.

    Raises:
        EdgeVoiceError: the source cannot be measured, or the wish cannot be fulfilled.

    """
    source = variant.source_bundle(folder)
    integrity.check(source, hint=f"export or pull {source.name} again")
    measure = measures.find(source.role)
    limits = parse(wish.budget or measure.budget)
    recipes = wish.recipes or tuple(recipes_for(source))
    for each in recipes:
        variant.check(source, each)
    calibration, judged_by = held_out.split(measure.items(wish.data)[:: wish.every])
    workspace = Workspace(wish.work, source, measure, calibration)
    of_source = workspace.measured(None, judged_by, progress)
    for limit in limits:
        limit.excess(of_source.values, of_source.values)  # says which measures there are
    rows = [_row(workspace, each, judged_by, limits, progress) for each in recipes]
    if wish.search:
        rows += _searched(workspace, measure, calibration, judged_by, limits, progress)
    outcome = Outcome(
        bundle=source.name,
        role=str(source.role),
        engine=source.engine,
        limits=limits,
        columns=measure.columns,
        items=len(judged_by.items),
        source=of_source,
        rows=tuple(rows),
        fastest=wish.fastest,
    )
    return outcome, workspace


def recipes_for(source: Bundle) -> Iterator[Recipe]:
    """Yield the built-in recipes for bundles like ``source``.

    Raises:
        Misused: there is none.

    """
    every = [recipe.load(name) for name in recipe.built_in(str(source.role))]
    fit = [each for each in every if each.engine == source.engine]
    if not fit:
        engines = ", ".join(sorted({each.engine for each in every}))
        raise Misused(
            f"There is no recipe for {source.name}, of the engine {source.engine!r}.",
            hint=f"a bundle for {engines}, or --recipe FILE.toml" if engines else "",
        )
    yield from fit


def _row(
    workspace: Workspace,
    recipe: Recipe,
    judged_by: held_out.HeldOut,
    limits: Sequence[Limit],
    progress: Progress,
    *,
    searched: bool = False,
) -> Row:
    """Build, measure and judge one variant; one that cannot be run is kept out."""
    of_source = workspace.measured(None, judged_by, progress)
    try:
        found = workspace.measured(recipe, judged_by, progress)
    except ModelError as error:
        progress.say(f"{recipe.name}: {error.problem}")
        return Row(recipe, None, Verdict((error.problem,)), searched)
    noise = {
        key: max(of_source.noise.get(key, 0.0), found.noise.get(key, 0.0)) for key in found.values
    }
    verdict = gate.judge(of_source.values, found.values, noise, limits)
    progress.say(f"{recipe.name}: {verdict}")
    return Row(recipe, found, verdict, searched)


def _searched(
    workspace: Workspace,
    measure: Measure,
    calibration: held_out.Calibration,
    judged_by: held_out.HeldOut,
    limits: Sequence[Limit],
    progress: Progress,
) -> list[Row]:
    """Search on the calibration data, then judge the best of it on the held-out data."""
    source = workspace.source.folder
    work = workspace.of_source(None)
    space = measure.space(source, calibration, work, progress)
    of_source = workspace.measured(None, calibration, progress)

    def excess(chosen: Chosen) -> float:
        candidate = space.recipe(chosen)
        try:
            found = workspace.measured(candidate, calibration, progress)
        except ModelError as error:
            progress.say(error.problem)
            return float("inf")
        beyond = max(limit.excess(of_source.values, found.values) for limit in limits)
        progress.say(f"{candidate.name}: {_told(beyond)}")
        if beyond > 0:
            workspace.forget(candidate)  # some hundred MB each; built again if it is the nearest
        return beyond

    gentlest = all(limit.measure in COSTS for limit in limits)
    tried = search(space.layers, excess, gentlest=gentlest)
    rows: list[Row] = []
    for each in _worth_judging(tried):
        row = _row(workspace, space.recipe(each.chosen), judged_by, limits, progress, searched=True)
        rows.append(row)
        if row.verdict.kept:
            break
    return rows


def _worth_judging(tried: Sequence[Tried]) -> Sequence[Tried]:
    """Return the first few that are within the budget, or the nearest when none is."""
    within = [each for each in tried if each.excess <= 0]
    return within[:CONFIRMED] or tried[:1]


def _told(beyond: float) -> str:
    return "within the budget" if beyond <= 0 else f"beyond the budget by {beyond:.0%} of it"


def keep(
    outcome: Outcome, workspace: Workspace, output: Path, progress: Progress, *, replace: bool
) -> Bundle:
    """Write the best variant to ``output``, and return it.

    Raises:
        EdgeVoiceError: none is within the budget; the nearest is named.

    """
    if not outcome.best:
        limits = ", ".join(map(str, outcome.limits))
        nearest = outcome.nearest
        told = f" The nearest is {nearest.name}: {nearest.verdict}." if nearest else ""
        raise EdgeVoiceError(
            f"No variant of {outcome.bundle} holds {limits}.{told}",
            hint="a wider --budget, or another --recipe",
        )
    row = outcome.best
    assert row.measures  # noqa: S101 - for the type checker; what is kept was measured
    return variant.keep(
        workspace.build(row.recipe, progress), output, row.flat(), replace_old=replace
    )
