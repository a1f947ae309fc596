"""The child's side of ``gguf.quantize``: ``python -m THIS JOB``, a job in JSON."""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path
from typing import Any

import llama_cpp as lib

from edgevoice_quantize import imatrix
from edgevoice_quantize.gguf import TYPES

_LEVELS_SAID = {3, 4}
"""ggml's numbers of warnings and errors."""


def main(job: dict[str, Any]) -> int:
    """Do the job; print progress and what went wrong. Returns the exit status."""
    lib.llama_log_set(_log, ctypes.c_void_p())
    params = lib.llama_model_quantize_default_params()
    params.ftype = getattr(lib, f"LLAMA_FTYPE_MOSTLY_{job['mix']}")
    params.nthread = job["threads"]
    params.pure = job["pure"]
    params.allow_requantize = True
    items = list(job["tensors"].items())
    overrides = (lib.llama_model_tensor_override * (len(items) + 1))()
    for override, (pattern, kind) in zip(overrides, items, strict=False):
        override.pattern, override.type = pattern.encode(), TYPES[kind]
    params.tt_overrides = overrides
    if job["importance"]:
        native = imatrix.as_native(imatrix.load(Path(job["importance"])))
        params.imatrix = native
    source, target = job["source"].encode(), job["target"].encode()
    return int(lib.llama_model_quantize(source, target, params))


@lib.llama_log_callback  # type: ignore[untyped-decorator] # ctypes knows no such types
def _log(level: int, text: bytes, _data: object) -> None:
    line = text.decode("utf-8", "replace").strip()
    if line.startswith("[") or level in _LEVELS_SAID:
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
