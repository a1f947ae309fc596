"""Reads and writes WAV files: any PCM or float WAV in, 16-bit mono out."""

from __future__ import annotations

import struct
import wave
from pathlib import Path
from types import TracebackType

import numpy as np

from edgevoice.backends.protocols import Samples
from edgevoice.errors import AudioError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


def read_wav(path: Path) -> tuple[Samples, int]:
    """Return the audio of ``path`` as mono, shape (n,), and its sample rate in Hz.

    Takes 8, 16, 24 and 32-bit PCM and 32 and 64-bit float, any rate, any number of channels
    (their mean is taken). A file cut short gives what is there.

    Raises:
        AudioError: the file is absent, no WAV, of another encoding, or empty.

    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AudioError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AudioError(
            f"{path} is no WAV file (it begins with {data[:4]!r}).",
            hint=f"ffmpeg -i {path.name} {path.stem}.wav",
        )
    chunks = _chunks(data)
    if b"fmt " not in chunks or len(chunks[b"fmt "]) < 16:
        raise AudioError(f"{path} is a WAV file without a format.")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunks[b"fmt "][:16])
    if kind == _EXTENSIBLE and len(chunks[b"fmt "]) >= 26:
        kind = struct.unpack("<H", chunks[b"fmt "][24:26])[0]
    if not channels or not rate:
        raise AudioError(f"{path} is a WAV file of {channels} channels at {rate} Hz.")
    samples = _decode(path, chunks.get(b"data", b""), kind, bits)
    frames = len(samples) // channels
    if not frames:
        raise AudioError(f"{path} holds no sound.")
    mono = samples[: frames * channels].reshape(frames, channels).mean(axis=1)
    return mono.astype(np.float32), rate


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the RIFF chunks by name; the first of a name counts, the last may be cut short."""
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack("<4sI", data[at : at + 8])
        chunks.setdefault(name, data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return chunks


def _decode(path: Path, data: bytes, kind: int, bits: int) -> Samples:
    width = bits // 8
    data = data[: len(data) // width * width] if width else b""
    match kind, bits:
        case (1, 8):
            return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / np.float32(128)
        case (1, 16):
            return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(2**15)
        case (1, 24):
            padded = np.zeros((len(data) // 3, 4), np.uint8)
            padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            return padded.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
        case (1, 32):
            return np.frombuffer(data, "<i4").astype(np.float32) / np.float32(2**31)
        case (3, 32):
            return np.nan_to_num(np.frombuffer(data, "<f4").astype(np.float32))
        case (3, 64):
            return np.nan_to_num(np.frombuffer(data, "<f8").astype(np.float32))
        case _:
            raise AudioError(
                f"{path} is a WAV file of encoding {kind} with {bits} bits.",
                hint=f"ffmpeg -i {path.name} -c:a pcm_s16le {path.stem}-pcm.wav",
            )


class WavWriter:
    """Writes 16-bit mono, block by block; the file is valid once closed.

    A full disk does not stop the talk: what comes after is left out, and ``close`` says so.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self._path = path
        self._problem: OSError | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = wave.open(str(path), "wb")  # noqa: SIM115 - closed by close
        except OSError as error:
            raise AudioError(f"{path} cannot be written: {error.strerror}.") from error
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(rate)

    def write(self, samples: Samples) -> None:
        """Append ``samples``, shape (n,), full scale -1 to 1."""
        if self._problem:
            return
        try:
            self._file.writeframesraw((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        except OSError as problem:
            self._problem = problem

    def close(self) -> None:
        """Complete the file's header and close it.

        Raises:
            AudioError: not all could be written.

        """
        try:
            self._file.close()
        except OSError as problem:
            self._problem = self._problem or problem
        if self._problem:
            reason = self._problem.strerror
            raise AudioError(f"{self._path} was not written to its end: {reason}.")

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
