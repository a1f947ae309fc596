"""The store: the folder in which this device's bundles lie."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from edgevoice.core.bundle import Bundle, Role
from edgevoice.errors import ModelError, ModelMissing
from edgevoice.runtime.bundles import catalogue, integrity, manifest

PARTIAL = ".partial"
"""Where pulls in progress lie, on the same file system so that finishing one is a rename."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.IGNORECASE)


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
        self.root = (root or default_root()).absolute()

    @property
    def partial(self) -> Path:
        """Where pulls in progress lie."""
        return self.root / PARTIAL

    def folder(self, name: str) -> Path:
        """Return where the bundle called ``name`` lies, or would lie."""
        if not _NAME.fullmatch(name):
            raise ModelError(f"{name!r} cannot be the name of a bundle.", hint="edgevoice list")
        return self.root / name

    def names(self) -> list[str]:
        """Return the names of all folders in the store, sorted; some may be damaged."""
        if not self.root.is_dir():
            return []
        return sorted(
            folder.name
            for folder in self.root.iterdir()
            if folder.is_dir() and _NAME.fullmatch(folder.name)
        )

    def installed(self) -> list[Bundle]:
        """Return the bundles whose manifests can be read, by name; files are not checked."""
        bundles = []
        for name in self.names():
            try:
                bundles.append(manifest.read(self.root / name))
            except ModelError:
                continue
        return bundles

    def get(self, name_or_path: str, role: Role | None = None) -> Bundle:
        """Return a bundle whose files are all there and as the manifest promises.

        Raises:
            ModelMissing: it is known, but not on this device.
            Misused: there is no bundle of that name.
            ModelDamaged: names the file that is not as promised.
            ModelError: it is of another role than ``role``.

        """
        if is_path(name_or_path):
            folder = Path(name_or_path).expanduser().absolute()
            hint = "copy the folder again"
        else:
            folder = self.folder(name_or_path)
            hint = f"edgevoice pull {name_or_path}"
        if not folder.is_dir():
            raise ModelMissing(catalogue.find(name_or_path).name)
        bundle = manifest.read(folder)
        self._check_role(bundle, role)
        integrity.check(bundle, hint=hint)
        return bundle

    def remove(self, name: str) -> float:
        """Delete the bundle called ``name`` and return how many MB that freed.

        Raises:
            ModelMissing: it is not on this device.

        """
        folder = self.folder(name)
        if not folder.is_dir():
            raise ModelMissing(catalogue.find(name).name)
        freed = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6
        self.partial.mkdir(exist_ok=True)
        condemned = self.partial / f"{name}.removed.{os.getpid()}"
        folder.rename(condemned)
        shutil.rmtree(condemned)
        return freed

    def _check_role(self, bundle: Bundle, role: Role | None) -> None:
        if role is None or bundle.role is role:
            return
        fitting = [other.name for other in self.installed() if other.role is role]
        raise ModelError(
            f"{bundle.name} is a model for {bundle.role}; one for {role} is wanted.",
            hint=" or ".join(fitting) or f"edgevoice list --role {role}",
        )


def is_path(name_or_path: str) -> bool:
    """Whether a user's word for a bundle is a path rather than a name."""
    return "/" in name_or_path or os.sep in name_or_path or name_or_path.startswith(("~", "."))
