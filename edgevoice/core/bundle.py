"""A bundle: model files and the manifest that says all one must know before loading them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Role(StrEnum):
    """What a model does in a turn of talk."""

    VAD = "vad"
    TURN = "turn"
    WAKE = "wake"
    STT = "stt"
    LLM = "llm"
    TTS = "tts"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a bundle, as it lies on this device after preparation."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model on this device: its files under ``folder`` and its manifest.

    ``sample_rate`` is the rate in Hz of the audio that goes in (STT, VAD) or comes out
    (TTS), 0 for an LLM. ``memory_mb`` is the resident memory that loading it takes,
    measured by ``python -m bench.memory``. ``options`` are the engine's own.
    """

    name: str
    role: Role
    engine: str
    folder: Path
    files: tuple[ModelFile, ...]
    licence: str
    source: str
    languages: tuple[str, ...] = ()
    sample_rate: int = 0
    memory_mb: float = 0.0
    options: dict[str, str] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Return where the file called ``name`` lies."""
        return self.folder / name

    @property
    def size_mb(self) -> float:
        """Size of all files in MB (1e6 bytes)."""
        return sum(file.size_bytes for file in self.files) / 1e6
