"""Builds a bundle from a bundle and a recipe: whole, loaded once in its engine, or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edgevoice.core.bundle import Bundle
from edgevoice.errors import EdgeVoiceError, Misused
from edgevoice.runtime.bundles import manifest
from edgevoice.runtime.bundles.integrity import describe
from edgevoice.runtime.bundles.local import bundle_in_place, usual_name
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export import child, output, record
from edgevoice_export.record import RECORD, Made
from edgevoice_export.resources import Estimate
from edgevoice_quantize import techniques
from edgevoice_quantize.audit import audit
from edgevoice_quantize.held_out import Calibration
from edgevoice_quantize.recipe import Recipe, Step

LIBRARIES_MB = 250
"""Resident after importing onnx, onnxruntime and the engine's library: 200-240 MB."""

PACKAGES = ("onnx", "onnxruntime", "sherpa-onnx", "ctranslate2", "llama-cpp-python", "numpy")


def source_bundle(folder: Path) -> Bundle:
    """Return the bundle in ``folder``, which is to be made smaller.

    Raises:
        ModelError: there is nothing.
        Misused: it is no bundle.

    """
    try:
        bundle = bundle_in_place(folder.expanduser())
    except Misused as error:
        if any(folder.glob("*.safetensors")) or (folder / "pytorch_model.bin").exists():
            raise Misused(
                f"{folder} is a checkpoint, not yet a bundle.",
                hint=f"edgevoice export {folder} --to TARGET --output DIR",
            ) from error
        raise
    return bundle


def estimate(source: Bundle, recipe: Recipe) -> Estimate:
    """Return what building takes: a variant is not larger than its source."""
    sizes = {file.name: file.size_bytes / 1e6 for file in source.files}
    peaks = [
        techniques.find(step.technique).MEMORY * size
        for name, size in sizes.items()
        for step in recipe.steps_for(name)
    ]
    between = max((s for n, s in sizes.items() if len(recipe.steps_for(n)) > 1), default=0.0)
    return Estimate(
        disk_mb=sum(sizes.values()) + between,
        memory_mb=LIBRARIES_MB + max([*peaks, source.memory_mb]),
    )


def check(source: Bundle, recipe: Recipe) -> None:
    """Raise ``Misused`` unless ``recipe`` is for bundles like ``source``."""
    if (source.role, source.engine) != (recipe.role, recipe.engine):
        raise Misused(
            f"The recipe {recipe.name} is for {recipe.role}/{recipe.engine}; "
            f"{source.name} is {source.role}/{source.engine}.",
            hint="edgevoice quantize --help lists the recipes",
        )
    if recipe.steps and not any(recipe.steps_for(file.name) for file in source.files):
        raise Misused(f"No step of the recipe {recipe.name} matches a file of {source.name}.")


def build(
    source: Bundle,
    recipe: Recipe,
    folder: Path,
    calibration: Calibration,
    progress: Progress,
    *,
    replace_old: bool = False,
) -> Bundle:
    """Write what ``recipe`` makes of ``source`` to ``folder``, and return it.

    Raises:
        EdgeVoiceError: says in one line why there is none; nothing is left in ``folder``.

    """
    check(source, recipe)
    output.check_free(folder, replace=replace_old)
    estimate(source, recipe).check(f"Quantizing {source.name} by {recipe.name}", folder, progress)
    with output.new_folder(folder, replace=replace_old) as draft:
        for file in source.files:
            if file.name != RECORD:
                _file(source.path(file.name), draft, recipe, calibration, progress)
        product = record.Product(
            source.role,
            source.engine,
            source.languages,
            source.sample_rate,
            {**source.options, **recipe.options},
        )
        bundle = product.bundle(usual_name(folder.name), draft, source.licence, source.source)
        made = Made(
            recipe=recipe.name,
            source_name=source.name,
            source=source.files,
            outputs=bundle.files,
            parity=(),
            versions=record.versions(PACKAGES),
            details=_details(recipe, draft, calibration, progress),
        )
        record.write(bundle, made)
        load = child.load_check(draft)
        bundle = record.write(bundle, replace(made, load=load))
    return replace(bundle, folder=folder)


def keep(bundle: Bundle, folder: Path, judged: dict[str, Any], *, replace_old: bool) -> Bundle:
    """Copy ``bundle`` to ``folder`` with what it was ``judged`` by in its record; return it."""
    with output.new_folder(folder, replace=replace_old) as draft:
        for file in bundle.files:
            shutil.copyfile(bundle.path(file.name), draft / file.name)
        made = record.read(draft)
        made.setdefault("details", {})["judged"] = judged
        (draft / RECORD).write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", "utf-8")
        files = (*(f for f in bundle.files if f.name != RECORD), describe(draft / RECORD))
        name = usual_name(folder.name)
        manifest.write(replace(bundle, name=name, folder=draft, files=files))
    return replace(bundle, name=name, folder=folder, files=files)


def _file(
    source: Path, draft: Path, recipe: Recipe, calibration: Calibration, progress: Progress
) -> None:
    """Bring one file through its steps into ``draft``."""
    steps = recipe.steps_for(source.name)
    if not steps:
        shutil.copyfile(source, draft / source.name)
        return
    with tempfile.TemporaryDirectory(dir=draft.parent, prefix=f"{draft.name}-steps") as between:
        at, name = source, source.name
        for number, step in enumerate(steps):
            name = step.new_name(name)
            last = number == len(steps) - 1
            target = draft / name if last else Path(between, f"{number}-{name}")
            progress.say(f"{source.name}: {step.technique}")
            _apply(step, at, target, calibration)
            at = target


def _apply(step: Step, source: Path, target: Path, calibration: Calibration) -> None:
    options = techniques.complete(step.technique, step.options)
    try:
        techniques.find(step.technique).apply(source, target, options, calibration)
    except (EdgeVoiceError, OSError, MemoryError):
        raise
    except Exception as error:  # what the libraries raise has no common base
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise EdgeVoiceError(f"{step.technique} failed on {source.name}: {reason}") from error


def _details(
    recipe: Recipe, draft: Path, calibration: Calibration, progress: Progress
) -> dict[str, object]:
    found = {}
    for file in sorted(draft.glob("*.onnx")):
        seen = audit(file)
        progress.say(f"{file.name}: {seen}")
        found[file.name] = asdict(seen)
    return {
        "steps": [asdict(step) for step in recipe.steps],
        "calibration": calibration.fingerprint(),
        "audit": found,
    }
