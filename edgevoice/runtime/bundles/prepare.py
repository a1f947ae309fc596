"""What is made of downloaded files once, so that no start pays for it."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgevoice.errors import BackendFailed, ModelDamaged
from edgevoice.runtime.bundles.catalogue import Preparation


def prepare(step: Preparation, folder: Path) -> None:
    """Make ``step.target`` of ``step.source`` in ``folder``, whole or not at all.

    Raises:
        ModelDamaged: the source is not what the step works on.
        BackendFailed: a native library could not do it.

    """
    draft = folder / f"{step.target}.new"
    STEPS[step.step](folder / step.source, draft, step.options)
    draft.replace(folder / step.target)


def _moonshine_tokens(source: Path, target: Path, _options: Mapping[str, str]) -> None:
    """Write Moonshine's ``tokenizer.bin`` as sherpa-onnx reads it: base64, a tab, the id."""
    lines = [
        f"{base64.b64encode(token).decode()}\t{number}\n"
        for number, token in enumerate(moonshine_tokens(source.read_bytes()))
    ]
    target.write_text("".join(lines), "ascii")


def moonshine_tokens(data: bytes) -> Iterator[bytes]:
    """Yield the tokens of a ``tokenizer.bin`` in the order of their ids.

    Each is its length and its bytes; the length is one byte, or two when the first is 128
    or more: the low seven bits first, then the rest.
    """
    at = 0
    while at < len(data):
        length = data[at]
        at += 1
        if length >= 128 and at < len(data):
            length += 128 * data[at] - 128
            at += 1
        if at + length > len(data):
            raise ModelDamaged(f"The tokens end in the middle of one, at byte {at:,}.")
        yield data[at : at + length]
        at += length


def _requantize(source: Path, target: Path, options: Mapping[str, str]) -> None:
    """Change the type of a GGUF file's weights, in a process of its own.

    So Ctrl-C works in the middle of the native call, and its memory is given back.
    """
    command = [
        *(sys.executable, "-m", "edgevoice.runtime.bundles.requantize"),
        *(str(source), str(target), options["type"]),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this interpreter, on our own module
    if run.returncode:
        last = run.stderr.strip().rpartition("\n")[2]
        raise BackendFailed(
            f"llama.cpp could not make {target.stem} (exit status {run.returncode}): {last}"
        )


STEPS = {"moonshine-tokens": _moonshine_tokens, "requantize": _requantize}
