"""Finds the module behind a bundle's engine; a native library is imported with its first model."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from edgevoice.core.bundle import Bundle
from edgevoice.errors import BackendMissing, Misused

ENGINES = {
    "silero": "edgevoice.backends.silero",
    "smart-turn": "edgevoice.backends.smart_turn",
    "moonshine": "edgevoice.backends.moonshine",
    "whisper-onnx": "edgevoice.backends.whisper_onnx",
    "whisper-ct2": "edgevoice.backends.whisper_ct2",
    "whisper-optimum": "edgevoice.backends.whisper_optimum",
    "gguf": "edgevoice.backends.gguf",
    "onnx-llm": "edgevoice.backends.onnx_llm",
    "openai": "edgevoice.backends.openai_server",
    "hibari": "edgevoice.backends.hibari",
    "piper": "edgevoice.backends.piper",
    "vits": "edgevoice.backends.vits",
}
"""Each module has ``need_mb(bundle)`` and ``load(bundle, threads=...)``."""


def need_mb(bundle: Bundle) -> float:
    """Return, without loading it, the resident memory in MB that ``bundle`` will take.

    Raises:
        Misused: there is no such engine.
        BackendMissing: the Python package behind it is not installed.
        ModelError: its files are absent or damaged.

    """
    needed: float = _module(bundle).need_mb(bundle)
    return needed


def load(bundle: Bundle, *, threads: int = 1) -> Any:
    """Return the model of ``bundle``: what the Protocol of its role promises.

    Raises:
        Misused: there is no such engine.
        BackendMissing: the Python package behind it is not installed.
        ModelError: its files are absent, damaged or unsuitable.

    """
    return _module(bundle).load(bundle, threads=threads)


def _module(bundle: Bundle) -> ModuleType:
    if bundle.engine not in ENGINES:
        known = ", ".join(ENGINES)
        raise Misused(
            f"{bundle.name}: there is no engine {bundle.engine!r}.", hint=f"one of {known}"
        )
    try:
        return import_module(ENGINES[bundle.engine])
    except ModuleNotFoundError as missing:
        raise BackendMissing(str(missing.name)) from missing
