"""A disk that is full, or that cannot be written to, as errors that a person reads."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgevoice.errors import DownloadFailed

SPARE_BYTES = 50_000_000
"""Left free for the rest of the system: a full disk harms more than a missing model."""


def check_free_space(folder: Path, need_bytes: int, *, bundle: str) -> None:
    """Compare what ``bundle`` needs with what is free where ``folder`` lies.

    Raises:
        DownloadFailed: it does not fit, or would leave less than ``SPARE_BYTES``.

    """
    free = max(shutil.disk_usage(folder).free - SPARE_BYTES, 0)
    if need_bytes > free:
        raise DownloadFailed(
            f"{bundle} needs {need_bytes / 1e6:.0f} MB and {free / 1e6:.0f} MB are free "
            f"in {folder}.",
            hint="edgevoice rm NAME, or --models DIR on a larger disk",
        )


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what the operating system says of ``folder`` into ``DownloadFailed``."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DownloadFailed(
                f"The disk is full: {folder} could not be written.",
                hint="edgevoice rm NAME, then the same command again: it goes on where it stopped",
            ) from error
        raise DownloadFailed(
            f"{error.filename or folder}: {error.strerror or error}.",
            hint="--models DIR with a folder that can be written to",
        ) from error
