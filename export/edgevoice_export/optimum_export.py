"""Optimum's exporter, for the architectures that it traces."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from edgevoice.errors import ModelError
from edgevoice_export.native import quiet


def export(folder: Path, output: Path, task: str, keep: Collection[str]) -> None:
    """Export the checkpoint in ``folder`` for ``task``; the files in ``keep`` go to ``output``.

    Raises:
        ModelError: optimum refuses the checkpoint; its reason is in the message.

    """
    with quiet():
        from optimum.exporters.onnx import main_export
    scratch = output / "optimum"
    try:
        with quiet():
            # Its own validation compares one length without a cache; the recipes compare more.
            main_export(
                str(folder),
                scratch,
                task=task,
                do_validation=False,
                library_name="transformers",
                local_files_only=True,
            )
        for name in keep:
            for file in sorted(scratch.glob(f"{name}*")):  # with its weights, if they are beside it
                shutil.move(file, output)
    except OSError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise ModelError(
            f"optimum cannot export {folder}: {reason[0] if reason else type(error).__name__}"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
