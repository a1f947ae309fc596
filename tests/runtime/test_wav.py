from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from edgevoice.errors import AudioError
from edgevoice.runtime.wav import WavWriter, read_wav

TONE = np.sin(np.arange(4410) / 20).astype(np.float32) * 0.5


def wav(kind: int, bits: int, channels: int, rate: int, data: bytes, tail: bytes = b"") -> bytes:
    frame = channels * bits // 8
    head = struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits)
    chunks = b"fmt " + struct.pack("<I", len(head)) + head
    chunks += b"LIST" + struct.pack("<I", 3) + b"abc\0"
    chunks += b"data" + struct.pack("<I", len(data)) + data + tail
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def pcm(bits: int) -> bytes:
    if bits == 8:
        return (TONE * 127 + 128).astype(np.uint8).tobytes()
    whole = (TONE * (2.0 ** (bits - 1) - 1)).astype("<i4")
    return whole.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()


@pytest.mark.parametrize(
    ("kind", "bits", "data"),
    [
        (1, 8, pcm(8)),
        (1, 16, pcm(16)),
        (1, 24, pcm(24)),
        (1, 32, pcm(32)),
        (3, 32, TONE.astype("<f4").tobytes()),
        (3, 64, TONE.astype("<f8").tobytes()),
    ],
)
def test_any_usual_encoding_is_read(tmp_path: Path, kind: int, bits: int, data: bytes) -> None:
    path = tmp_path / "tone.wav"
    path.write_bytes(wav(kind, bits, 1, 44_100, data))
    samples, rate = read_wav(path)
    assert rate == 44_100
    assert samples.dtype == np.float32
    assert samples == pytest.approx(TONE, abs=0.02)


def test_stereo_becomes_its_mean(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    both = np.stack([TONE, np.zeros_like(TONE)], axis=1)
    path.write_bytes(wav(3, 32, 2, 48_000, both.astype("<f4").tobytes()))
    assert read_wav(path)[0] == pytest.approx(TONE / 2, abs=1e-6)


def test_a_file_that_is_cut_short_gives_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(wav(1, 16, 1, 16_000, pcm(16))[:-1001])
    assert len(read_wav(path)[0]) == len(TONE) - 501


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no WAV file"),
        (b"ID3\x04" + bytes(100), "is no WAV file"),
        (b"RIFF\x04\0\0\0WAVE", "without a format"),
        (wav(1, 16, 1, 16_000, b""), "holds no sound"),
        (wav(1, 16, 0, 16_000, b"ab"), "0 channels"),
        (wav(85, 16, 1, 16_000, b"abcd"), "encoding 85"),
        (wav(1, 12, 1, 16_000, b"abcd"), "12 bits"),
    ],
)
def test_what_is_no_sound_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=says):
        read_wav(path)


@pytest.mark.parametrize("path", ["/nowhere/x.wav", "/"])
def test_what_cannot_be_read_is_named(path: str) -> None:
    with pytest.raises(AudioError, match="cannot be read"):
        read_wav(Path(path))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tone.wav"
    with WavWriter(path, 16_000) as writer:
        writer.write(TONE[:2000])
        writer.write(TONE[2000:])
    samples, rate = read_wav(path)
    assert rate == 16_000
    assert samples == pytest.approx(TONE, abs=1e-4)
