"""A GGUF file's weights in smaller types, by llama.cpp."""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from pathlib import Path

from edgevoice_quantize import child, gguf
from edgevoice_quantize.gguf import GgufTypes
from edgevoice_quantize.held_out import Calibration
from edgevoice_quantize.techniques import Options

OPTIONS: Options = {"type": "Q4_K_M", "importance": True, "tensors": {}, "pure": False}
"""``type``: one of ``gguf.MIXES``. ``importance``: weigh each column of a weight by what flows
into it when the model reads the calibration texts. ``tensors``: types of some tensors by regular
expressions, { "ffn_down" = "Q6_K" }; the first that is found in a tensor's name counts. ``pure``:
``type`` is for all weights one type, without llama.cpp's own exceptions."""

VERSION = 1
MEMORY = 2.0


def apply(source_file: Path, target_file: Path, options: Options, calibration: Calibration) -> None:
    """Write ``target_file`` with the weights of ``source_file`` in the types that are wanted.

    Raises:
        Misused: a type is unknown.
        ModelError: the file is no GGUF, or the calibration texts are too short.
        BackendFailed: says what llama.cpp said.

    """
    types = GgufTypes(options["type"], options["tensors"], options["pure"])
    types.check()
    gguf.types_of(source_file)
    importance = None
    if options["importance"]:
        made = source_file.stat().st_mtime_ns
        importance = _importance(source_file.absolute(), made, calibration)
    threads = len(os.sched_getaffinity(0))
    gguf.quantize(source_file, target_file, types, importance=importance, threads=threads)


@lru_cache(maxsize=4)
def _importance(model: Path, made_ns: int, calibration: Calibration) -> Path:
    """Return a file with the importance matrix; gathered once for all recipes of a run."""
    name = f"{model.stem}-{made_ns}-{calibration.fingerprint()[:16]}.npz"
    target = Path(_folder().name) / name
    texts = [item.text for item in calibration.items]
    job = {"model": str(model), "texts": texts, "target": str(target)}
    child.run("edgevoice_quantize.imatrix_child", job)
    return target


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that goes with the process."""
    return tempfile.TemporaryDirectory(prefix="edgevoice-")
