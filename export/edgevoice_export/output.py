"""An output folder that is there whole or not at all."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgevoice.errors import EdgeVoiceError, Misused
from edgevoice.runtime.bundles.manifest import MANIFEST


@contextmanager
def new_folder(output: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a folder beside ``output`` that becomes ``output`` when all went well.

    After an error or Ctrl-C nothing is left of it. A bundle that lies at ``output`` already
    is deleted only when the new one is finished, and only if ``replace`` allows it.

    Raises:
        Misused: ``output`` is in the way.
        EdgeVoiceError: the disk is full or cannot be written to.

    """
    check_free(output, replace=replace)
    draft = output.absolute().with_name(f".{output.name}.partial")
    shutil.rmtree(draft, ignore_errors=True)  # what a killed process may have left
    try:
        draft.mkdir(parents=True)
        yield draft
        if output.is_dir():
            shutil.rmtree(output)
        draft.rename(output)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            problem = f"The disk became full while {output} was written; nothing was kept."
            raise EdgeVoiceError(problem, hint="--output on a larger disk") from error
        raise EdgeVoiceError(
            f"{error.filename or output}: {error.strerror or error}; nothing was kept.",
            hint="--output in a folder that can be written to",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def check_free(output: Path, *, replace: bool) -> None:
    """Raise ``Misused`` unless a bundle may be written to ``output``."""
    if output.is_dir() and not any(output.iterdir()):
        return
    if output.is_dir() and (output / MANIFEST).is_file():
        if replace:
            return
        raise Misused(f"{output} is a bundle already.", hint="--replace, or another --output")
    if output.exists():
        raise Misused(f"{output} is there already and is no bundle.", hint="another --output")
