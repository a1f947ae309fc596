"""The table of engines: which module serves a bundle."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from edgevoice.core.bundle import Bundle
from edgevoice.errors import BackendMissing, ModelError

ENGINES = {
    "silero": "edgevoice.backends.silero",
    "smart-turn": "edgevoice.backends.smart_turn",
    "moonshine": "edgevoice.backends.moonshine",
    "whisper-onnx": "edgevoice.backends.whisper_onnx",
    "whisper-ct2": "edgevoice.backends.whisper_ct2",
    "gguf": "edgevoice.backends.gguf",
    "hibari": "edgevoice.backends.hibari",
    "piper": "edgevoice.backends.piper",
}


def load(bundle: Bundle, **options: Any) -> Any:
    """Load ``bundle`` with its engine; ``options`` are those of the engine's ``load``.

    Raises:
        ModelError: there is no such engine, or the files are damaged.
        BackendMissing: the library behind the engine is not installed.

    """
    return _module(bundle).load(bundle, **options)


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take, without loading anything."""
    needed: float = _module(bundle).need_mb(bundle)
    return needed


def _module(bundle: Bundle) -> Any:
    if bundle.engine not in ENGINES:
        raise ModelError(
            f"{bundle.name} wants the engine {bundle.engine!r}, which does not exist.",
            hint=f"one of {', '.join(ENGINES)}",
        )
    try:
        return import_module(ENGINES[bundle.engine])
    except ModuleNotFoundError as missing:
        raise BackendMissing(str(missing.name), extra="all") from missing
