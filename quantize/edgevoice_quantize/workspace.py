"""Where variants are built and figures are kept, so that what was done is not done again.

A variant's folder is named by a hash of all that decides about it: its source's files, the
recipe, the calibration data. Figures are kept in it, in a file named by what they were measured
on and how. So a search that was interrupted goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from edgevoice.core.bundle import Bundle
from edgevoice.runtime.bundles import manifest
from edgevoice.runtime.bundles.integrity import describe
from edgevoice.runtime.bundles.progress import Progress
from edgevoice_quantize import variant
from edgevoice_quantize.held_out import Calibration, HeldOut, Item
from edgevoice_quantize.measures import Measure, Measures
from edgevoice_quantize.recipe import Recipe

BUNDLE = "bundle"


class Workspace:
    """Variants of one source bundle, and their figures."""

    def __init__(
        self, folder: Path, source: Bundle, measure: Measure, calibration: Calibration
    ) -> None:
        """Take ``source``, whose files are what its manifest says where it has one."""
        self._folder = folder
        self.source = source
        self._measure = measure
        self._calibration = calibration
        digest = hashlib.sha256(f"{source.engine}{sorted(source.options.items())}".encode())
        for file in sorted(source.files, key=lambda file: file.name):
            found = file if file.sha256 else describe(source.path(file.name))
            digest.update(f"{found.name} {found.sha256}\n".encode())
        self._source = digest.hexdigest()

    def of_source(self, recipe: Recipe | None) -> Path:
        """Return the folder that all about ``recipe`` is kept in; None is the source itself."""
        parts = [self._source]
        if recipe:
            parts += [recipe.fingerprint(), self._calibration.fingerprint()]
        name = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
        return self._folder / f"{'variant' if recipe else 'source'}-{name}"

    def build(self, recipe: Recipe, progress: Progress) -> Bundle:
        """Return the variant that ``recipe`` makes, built now if it is not there.

        Raises:
            EdgeVoiceError: it cannot be built.

        """
        folder = self.of_source(recipe) / BUNDLE
        if (folder / manifest.MANIFEST).is_file():
            return manifest.read(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        return variant.build(self.source, recipe, folder, self._calibration, progress)

    def measured(
        self, recipe: Recipe | None, data: Calibration | HeldOut, progress: Progress
    ) -> Measures:
        """Return the figures of a variant, or of the source, on ``data``.

        Raises:
            EdgeVoiceError: it cannot be built or measured.

        """
        on = data.fingerprint()[:16]
        kept = self.of_source(recipe) / f"measures-{self._measure.version}-{on}.json"
        if kept.is_file():
            return Measures(**json.loads(kept.read_text("utf-8")))
        if recipe:
            self.measured(None, data, progress)  # variants are compared with what it said
        bundle = self.build(recipe, progress) if recipe else self.source
        name = recipe.name if recipe else self.source.name
        progress.say(f"{name}: measuring it on {len(data.items)} items")
        found = self._run(bundle.folder, data.items, on, progress)
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(found), indent=1), "utf-8")
        draft.replace(kept)
        return found

    def _run(self, bundle: Path, items: Sequence[Item], on: str, progress: Progress) -> Measures:
        work = self.of_source(None) / f"work-{self._measure.version}-{on}"
        return self._measure.measure(bundle, items, self.source.folder, work, progress)

    def forget(self, recipe: Recipe) -> None:
        """Delete the variant's files; its figures stay."""
        shutil.rmtree(self.of_source(recipe) / BUNDLE, ignore_errors=True)


def usual_folder() -> Path:
    """Return the folder in the XDG cache where variants are kept unless the user says another."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "edgevoice" / "quantize"
