"""A CTranslate2 model with its weights stored in another type, as its own converter would.

In int8 each row of a matrix has a scale; what is no matrix stays a float. On a processor the
floats are multiplied as float32, whatever they are stored as.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgevoice.errors import Misused, ModelDamaged, ModelError
from edgevoice_quantize.ct2_file import Ct2File, Tensor, read, write
from edgevoice_quantize.held_out import Calibration
from edgevoice_quantize.techniques import Options

OPTIONS: Options = {"type": "int8"}
"""``type``: int8 (floats as they are), int8_float32, int8_float16, float16 or float32."""

VERSION = 1
MEMORY = 4.0

FLOATS = {"int8": None, "int8_float32": "<f4", "int8_float16": "<f2", "float16": "<f2"} | {
    "float32": "<f4"
}
"""What floats become."""


def apply(
    source_file: Path,
    target_file: Path,
    options: Options,
    calibration: Calibration,  # noqa: ARG001 - weights are rounded without data
) -> None:
    """Write ``target_file`` with the weights of ``source_file`` (a ``model.bin``) in that type.

    Raises:
        Misused: there is no such type.
        ModelError: the file is not a float model of CTranslate2.

    """
    kind = options["type"]
    if kind not in FLOATS:
        raise Misused(f"CTranslate2 has no type {kind!r}.", hint=", ".join(FLOATS))
    content = read(source_file)
    if any(name.endswith("weight_scale") for name in content.tensors):
        raise ModelError(f"{source_file} is quantized already.")
    write(target_file, _converted(content, to_int8=kind.startswith("int8"), floats=FLOATS[kind]))


def _converted(content: Ct2File, *, to_int8: bool, floats: str | None) -> Ct2File:
    tensors: dict[str, Tensor] = {}
    for name, values in content.tensors.items():
        if not np.issubdtype(values.dtype, np.floating):
            tensors[name] = values
            continue
        if not np.isfinite(values).all():
            raise ModelDamaged(f"{name} holds numbers that are NaN or infinite.")
        if to_int8 and values.ndim >= 2 and name.endswith("/weight"):
            tensors[name], tensors[f"{name}_scale"] = rounded(values)
        else:
            tensors[name] = values.astype(floats) if floats and values.ndim else values
    return Ct2File(content.spec, content.revision, tensors, content.aliases)


def rounded(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``values`` in int8 and by what each row was multiplied for that."""
    rows = values.astype(np.float32).reshape(len(values), -1)
    largest = np.abs(rows).max(axis=1)
    largest[largest == 0] = 127.0
    scale = (127.0 / largest).astype(np.float32)
    numbers = np.rint(rows * scale[:, None]).astype(np.int8)
    return numbers.reshape(values.shape), scale
