"""The store: the folder in which this device's bundles lie."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from edgevoice.core.bundle import Bundle, Role
from edgevoice.errors import ModelError, ModelMissing
from edgevoice.runtime.bundles import catalogue, integrity, local, manifest

PARTIAL = ".partial"
"""Where pulls in progress lie, on the same file system so that finishing one is a rename."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.IGNORECASE)


def default_root() -> Path:
    """Return ``$EDGEVOICE_MODELS``, or else the XDG data folder's ``edgevoice/models``."""
    if named := os.environ.get("EDGEVOICE_MODELS"):
        return Path(named).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data).expanduser() / "edgevoice" / "models"


class Store:
    """The bundles under ``root``, one folder each. Safe to use from several processes."""

    def __init__(self, root: Path | None = None) -> None:
        """Look under ``root``, or under the default folder; it need not exist yet."""
        self.root = (root or default_root()).expanduser().absolute()
        self.partial = self.root / PARTIAL

    def folder(self, name: str) -> Path:
        """Return where the bundle called ``name`` lies, or would lie."""
        if not _NAME.fullmatch(name):
            raise ModelError(f"{name!r} cannot be the name of a bundle.", hint="edgevoice list")
        return self.root / name

    def names(self) -> list[str]:
        """Return the names of all folders in the store, sorted; some may be damaged."""
        return _folders(self.root)

    def installed(self) -> list[Bundle]:
        """Return the bundles whose manifests can be read, by name; files are not checked."""
        bundles = []
        for name in self.names():
            try:
                bundles.append(_up_to_date(manifest.read(self.root / name)))
            except ModelError:
                continue
        return bundles

    def get(
        self, name_or_path: str, role: Role | None = None, *, every_byte: bool = False
    ) -> Bundle:
        """Return a bundle whose files are all there and as its manifest promises.

        A path, to a folder or a file, is taken as it is: nothing is promised of its files
        where there is no manifest. ``every_byte`` hashes files that seem unchanged, too.

        Raises:
            ModelMissing: it is known, but not on this device.
            Misused: there is no bundle of that name.
            ModelDamaged: names the file that is not as promised.
            ModelError: it is of another role than ``role``.

        """
        if is_path(name_or_path, {*catalogue.catalogue(), *self.names()}):
            bundle = local.bundle_in_place(Path(name_or_path).expanduser().absolute())
            hint = "copy the folder again"
        else:
            folder = self.folder(name_or_path)
            if not folder.is_dir():
                raise ModelMissing(catalogue.find(name_or_path).name)
            bundle = _up_to_date(manifest.read(folder))
            hint = f"edgevoice pull {name_or_path}"
        self._check_role(bundle, role)
        if (bundle.folder / manifest.MANIFEST).exists():
            integrity.check(bundle, hint=hint, every_byte=every_byte)
        return bundle

    def remove(self, name: str) -> int:
        """Delete the bundle called ``name`` and return how many bytes that freed.

        Raises:
            ModelMissing: it is not on this device.
            OSError: it could not be deleted; it is there as before.

        """
        folder = self.folder(name)
        if not folder.is_dir():
            raise ModelMissing(catalogue.find(name).name)
        freed = size_of(folder)
        self.partial.mkdir(exist_ok=True)
        # Renamed first, so that an interruption leaves no half of a bundle.
        condemned = Path(tempfile.mkdtemp(prefix=".removed-", dir=self.partial))
        try:
            folder.rename(condemned / name)
        finally:
            shutil.rmtree(condemned)
        return freed

    def work_folder(self, name: str, fingerprint: str) -> Path:
        """Return where a pull puts a bundle together, by the recipe of that fingerprint."""
        return self.partial / f"{self.folder(name).name}.{fingerprint}"

    def work_folders(self, name: str) -> list[Path]:
        """Return what interrupted pulls of ``name`` left, by whichever recipe."""
        return [
            self.partial / folder
            for folder in _folders(self.partial)
            if folder.rpartition(".")[0] == name
        ]

    @contextmanager
    def lock(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Hold the right to change what is partial; ``on_wait`` is called before waiting."""
        self.partial.mkdir(parents=True, exist_ok=True)
        with (self.partial / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(lock, fcntl.LOCK_EX)
            for abandoned in self.partial.glob(".removed-*"):
                shutil.rmtree(abandoned, ignore_errors=True)
            yield

    def _check_role(self, bundle: Bundle, role: Role | None) -> None:
        if role is None or bundle.role is role:
            return
        fitting = [other.name for other in self.installed() if other.role is role]
        raise ModelError(
            f"{bundle.name} is a model for {bundle.role}; one for {role} is wanted.",
            hint=" or ".join(fitting) or f"edgevoice list --role {role}",
        )


def _up_to_date(bundle: Bundle) -> Bundle:
    """Return ``bundle`` with the memory that its recipe gives by now, if it still is that one."""
    recipe = catalogue.catalogue().get(bundle.name)
    if recipe and manifest.fingerprint(bundle.folder) == recipe.fingerprint:
        return replace(bundle, memory_mb=recipe.memory_mb)
    return bundle


def is_path(text: str, names: Collection[str]) -> bool:
    """Whether a user's word for a bundle is a path rather than a name.

    One of ``names`` is a name, whatever lies in the current folder.
    """
    if text in names or text.startswith("hf:"):
        return False
    if "/" in text or text.startswith(("~", ".")) or text.endswith((".gguf", ".onnx")):
        return True
    try:
        return Path(text).exists()
    except OSError:
        return False


def size_of(folder: Path) -> int:
    """Return the bytes of all files under ``folder``."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _folders(root: Path) -> list[str]:
    """Return the names of folders in ``root`` that can be bundles, sorted."""
    if not root.is_dir():
        return []
    return sorted(f.name for f in root.iterdir() if f.is_dir() and _NAME.fullmatch(f.name))
