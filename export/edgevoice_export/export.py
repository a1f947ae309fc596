"""An export from beginning to end: checked, built, compared, loaded, and only then kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgevoice.core.bundle import Bundle
from edgevoice.runtime.bundles.local import usual_name
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_export import child, output, record
from edgevoice_export.recipes import find
from edgevoice_export.record import Made
from edgevoice_export.sources import Source


def export(
    source: Source,
    target: str,
    folder: Path,
    progress: Progress,
    *,
    licence: str = "",
    replace_old: bool = False,
) -> Bundle:
    """Write the bundle that ``source`` becomes for ``target`` to ``folder``, and return it.

    Raises:
        EdgeVoiceError: says in one line why there is no bundle; nothing is left in ``folder``.

    """
    recipe = find(source.architecture, target)
    recipe.check(source)
    output.check_free(folder, replace=replace_old)
    recipe.estimate(source).check(f"Exporting {source.name} to {target}", folder, progress)
    source.check_finite(progress)
    with output.new_folder(folder, replace=replace_old) as draft:
        product = recipe.build(source, draft, progress)
        parity = recipe.compare(source, draft, progress)
        for comparison in parity:
            progress.say(str(comparison))
        record.check(parity)
        name = usual_name(folder.name)
        bundle = product.bundle(name, draft, licence or source.licence, source.source)
        made = Made(
            recipe=f"{source.architecture} to {target}",
            source_name=source.name,
            source=tuple(source.files()),
            outputs=bundle.files,
            parity=tuple(parity),
            versions=record.versions(recipe.packages),
        )
        record.write(bundle, made)
        progress.say(f"loading it with {bundle.engine} in a process of its own")
        load = child.load_check(draft)
        progress.say(f"{load.memory_mb:.0f} MB resident, {load.load_s:.1f} s to load")
        bundle = record.write(bundle, replace(made, load=load))
    return replace(bundle, folder=folder)
