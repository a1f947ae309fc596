"""The techniques: each is a small module that makes one model file out of one.

A technique's module has:

- ``OPTIONS``: the names of its options with their defaults. A recipe's are checked against it.
- ``VERSION``: raised when the same options give another file, so that no stale one is reused.
- ``MEMORY``: its peak of resident memory, as a multiple of the size of the source file.
- ``apply(source_file, target_file, options, calibration) -> None``: reads the one, writes the
  other, and nothing else. ``options`` has every key of ``OPTIONS``. It raises ``ModelError``
  when the file is not one it can work on, and ``EdgeVoiceError`` when it needs more data.

Heavy libraries are imported at the top: a module is loaded only when a recipe names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from edgevoice.errors import BackendMissing, Misused
from edgevoice_quantize.held_out import Calibration

Options = Mapping[str, Any]
"""As TOML gives them: strings, numbers, truth values, and lists and tables of these."""


class Technique(Protocol):
    """What a technique's module has."""

    OPTIONS: Options
    VERSION: int
    MEMORY: float

    def apply(
        self, source_file: Path, target_file: Path, options: Options, calibration: Calibration
    ) -> None:
        """Write ``target_file``, made from ``source_file``."""
        ...


TECHNIQUES = (
    "onnx_int8_dynamic",
    "onnx_int8_static",
    "onnx_int8_conv_weights",
    "onnx_int8_conv_static",
    "onnx_conv_2d",
    "onnx_int4",
    "onnx_fp16",
    "gguf",
    "ctranslate2",
)
"""Each the name of a module here."""


def find(name: str) -> Technique:
    """Return the technique called ``name``.

    Raises:
        Misused: there is none.
        BackendMissing: a package of the extra is not installed.

    """
    if name not in TECHNIQUES:
        known = ", ".join(TECHNIQUES)
        raise Misused(f"There is no technique {name!r}.", hint=f"one of {known}")
    try:
        return cast(Technique, import_module(f"{__name__}.{name}"))
    except ModuleNotFoundError as missing:
        raise BackendMissing(str(missing.name), extra="quantize") from missing


def complete(name: str, options: Options) -> dict[str, Any]:
    """Return ``options`` of the technique ``name`` with defaults for those not given.

    Raises:
        Misused: the technique has no such option, or it is of another type.

    """
    known = find(name).OPTIONS
    for key, value in options.items():
        if key not in known:
            raise Misused(
                f"The technique {name} has no option {key!r}.", hint=f"one of {', '.join(known)}"
            )
        expected = type(known[key])
        if known[key] is not None and not isinstance(value, (expected, _also(expected))):
            raise Misused(f"{key} of {name} is to be a {expected.__name__}, not {value!r}.")
    return {**known, **options}


def _also(expected: type) -> type:
    """Return what may stand for ``expected``: a whole number for one with a point."""
    return int if expected is float else expected
