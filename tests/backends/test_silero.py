from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgevoice.backends import silero
from edgevoice.core.bundle import Bundle
from edgevoice.errors import BackendFailed
from tests.recordings import clip

pytestmark = pytest.mark.models


class Recorder:
    """Stands before a session and keeps what it was fed."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.fed: list[np.ndarray[Any, Any]] = []

    def run(self, outputs: None, feeds: dict[str, np.ndarray[Any, Any]]) -> Any:
        self.fed.append(feeds["input"].copy())
        return self._session.run(outputs, feeds)


def test_each_frame_follows_the_end_of_the_one_before(bundle: Callable[[str], Bundle]) -> None:
    vad = silero.load(bundle("silero-vad"))
    recorder = vad._session = Recorder(vad._session)
    speech = clip("weasels")[16_000:17_024]
    vad.probability(speech[:512])
    vad.probability(speech[512:])
    first, second = (fed[0] for fed in recorder.fed)
    np.testing.assert_array_equal(first, [*np.zeros(64), *speech[:512]])
    np.testing.assert_array_equal(second, speech[448:])


def test_the_librarys_error_is_a_failed_backend(bundle: Callable[[str], Bundle]) -> None:
    vad = silero.load(bundle("silero-vad"))
    vad._state = vad._feeds["state"] = np.zeros((1, 1, 1), np.float32)
    with pytest.raises(BackendFailed):
        vad.probability(np.zeros(512, np.float32))
