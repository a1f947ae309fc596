"""Writes a GGUF file's weights in smaller types, by llama.cpp in a process of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import llama_cpp as lib

from edgevoice.backends.gguf_header import BLOCKS, GgufHeader, read_header
from edgevoice.errors import BackendFailed, Misused

MIXES = (
    *("Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q5_1", "Q5_0", "Q4_K_M", "Q4_K_S", "Q4_1", "Q4_0"),
    *("IQ4_NL", "IQ4_XS", "Q3_K_M", "IQ3_S"),
)
"""Recipes of llama.cpp: each is a type for most weights, and larger ones for some."""

TYPES = {
    name: getattr(lib, f"GGML_TYPE_{name}")
    for name in (
        *("F32", "F16", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0"),
        *("IQ4_NL", "IQ4_XS", "Q3_K", "IQ3_S", "Q2_K"),
    )
}
"""ggml's number of each type that a weight can have."""

NAMES = {number: name for name, number in TYPES.items()}

FALLBACK = {
    "IQ3_S": "IQ4_NL",
    "IQ4_XS": "IQ4_NL",
    "Q2_K": "Q4_0",
    "Q3_K": "Q4_0",
    "Q4_K": "Q5_0",
    "Q5_K": "Q5_1",
    "Q6_K": "Q8_0",
}
"""What llama.cpp takes where a row is no multiple of 256 (``tensor_type_fallback``)."""

_PROGRESS = re.compile(r"\[ *(\d+)/ *(\d+)\]")


@dataclass(frozen=True, slots=True)
class GgufTypes:
    """Which type each weight is to have.

    Attributes:
        mix: one of ``MIXES``, for all that ``tensors`` does not name.
        tensors: type by a regular expression that is searched in a tensor's name; the first counts.
        pure: ``mix`` is for all weights one type, without llama.cpp's own exceptions.

    """

    mix: str
    tensors: Mapping[str, str] = field(default_factory=dict)
    pure: bool = False

    def check(self) -> None:
        """Raise ``Misused`` when a type is unknown, or a pattern is none."""
        if self.mix not in MIXES:
            raise Misused(f"{self.mix!r} is no GGUF type.", hint=" or ".join(MIXES))
        for pattern, kind in self.tensors.items():
            if kind not in TYPES:
                raise Misused(f"{kind!r} is no type of a tensor.", hint=" or ".join(TYPES))
            try:
                re.compile(pattern)
            except re.error as error:
                raise Misused(f"{pattern!r} is no pattern: {error}.") from error


def quantize(
    source: Path,
    target: Path,
    types: GgufTypes,
    *,
    importance: Path | None = None,
    threads: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write ``source`` to ``target`` with ``types``, whole or not at all.

    ``importance`` is a file that ``imatrix.save`` wrote. ``on_progress`` is told how many tensors
    are done, and of how many. llama.cpp works in a process of its own: what it prints stays there,
    Ctrl-C ends it in the middle, and its memory is given back.

    Raises:
        Misused: ``types`` are wrong.
        BackendFailed: says what llama.cpp said.

    """
    types.check()
    draft = target.with_name(f"{target.name}.partial")
    job = {
        "source": str(source),
        "target": str(draft),
        "mix": types.mix,
        "tensors": dict(types.tensors),
        "pure": types.pure,
        "importance": str(importance) if importance else "",
        "threads": threads,
    }
    command = [sys.executable, "-m", "edgevoice_quantize.gguf_child", json.dumps(job)]
    child = subprocess.Popen(  # noqa: S603 - this very interpreter
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        said = _follow(child, on_progress)
        if child.returncode == -signal.SIGINT:
            raise KeyboardInterrupt  # it reached the child first
        if child.returncode:
            reason = said[-1] if said else f"exit status {child.returncode}"
            raise BackendFailed(f"llama.cpp could not make {target.name}: {reason}")
        draft.replace(target)
    finally:
        child.kill()
        child.wait()
        draft.unlink(missing_ok=True)


def _follow(
    child: subprocess.Popen[str], on_progress: Callable[[int, int], None] | None
) -> list[str]:
    """Wait for the child's end, and return what it said beside its progress."""
    said = []
    with child:
        for line in child.stdout or ():
            if found := _PROGRESS.search(line):
                if on_progress:
                    on_progress(int(found[1]), int(found[2]))
            elif line.strip():
                said.append(line.strip())
    return said


def types_of(path: Path) -> dict[str, str]:
    """Return the type of each tensor of the file at ``path``, by its name.

    Raises:
        ModelDamaged: the file is no GGUF, or is cut off.

    """
    tensors = read_header(path).tensors.items()
    return {name: NAMES.get(tensor.kind, f"type {tensor.kind}") for name, tensor in tensors}


def weights(header: GgufHeader) -> list[str]:
    """Return the names of the tensors that llama.cpp quantizes: matrices, and no norms."""
    return [
        name
        for name, tensor in header.tensors.items()
        if name.endswith(".weight") and len(tensor.shape) > 1 and "_norm" not in name
    ]


def fitting(kind: str, shape: Sequence[int]) -> str:
    """Return the type that a tensor of ``shape`` gets when it is to have ``kind``."""
    elements, _ = BLOCKS[TYPES[kind]]
    if shape[0] % elements == 0:
        return kind
    other = FALLBACK.get(kind, "F16")
    return other if shape[0] % BLOCKS[TYPES[other]][0] == 0 else "F16"


def size_bytes(kind: str, shape: Sequence[int]) -> int:
    """Return the bytes of a tensor of ``shape`` in the type ``kind``."""
    elements, block_bytes = BLOCKS[TYPES[kind]]
    count = 1
    for length in shape:
        count *= length
    return count // elements * block_bytes
