"""A disk that fills up in the middle of a talk."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgevoice.errors import AudioError, EdgeVoiceError
from tests.test_talk import lines, talk

FULL = Path("/dev/full")

pytestmark = pytest.mark.models


def test_a_full_disk_ends_neither_the_talk_nor_the_trace(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.symlink_to(FULL)
    done = talk("--text", "--mute", "--json", "--trace", str(trace), text="Hello.\n", code=1)
    assert lines(done, "reply")
    assert "was not written to its end: No space left on device" in done.stderr


def test_a_reply_that_the_disk_cannot_hold_is_said_so(tmp_path: Path) -> None:
    import numpy as np

    from edgevoice.runtime.wav import WavWriter

    (tmp_path / "reply.wav").symlink_to(FULL)
    writer = WavWriter(tmp_path / "reply.wav", 16_000)
    for _ in range(20):
        writer.write(np.zeros(16_000, np.float32))
    with pytest.raises(AudioError, match="No space left"):
        writer.close()
    assert issubclass(AudioError, EdgeVoiceError)
