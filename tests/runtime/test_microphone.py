from __future__ import annotations

import numpy as np
import pytest

from edgevoice.runtime.microphone import CAPACITY_S, Microphone

RATE = 1000


def microphone() -> Microphone:
    return Microphone(RATE, lambda: None)


def ramp(start: int, samples: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.arange(start, start + samples, dtype=np.float32)


def test_blocks_come_out_in_order_and_once() -> None:
    mic = microphone()
    mic.write(ramp(0, 20), 0.02)
    mic.write(ramp(20, 20), 0.04)
    samples, end_at = mic.read()
    assert samples.tolist() == list(range(40))
    assert end_at == pytest.approx(0.04)
    assert len(mic.read()[0]) == 0


def test_ears_that_are_late_lose_the_oldest_and_count_it() -> None:
    mic = microphone()
    total = int((CAPACITY_S + 1) * RATE)
    for start in range(0, total, 100):
        mic.write(ramp(start, 100), (start + 100) / RATE)
    samples, end_at = mic.read()
    assert mic.lost_samples == RATE
    assert samples[0] == RATE
    assert samples[-1] == total - 1
    assert end_at == pytest.approx(CAPACITY_S + 1)


def test_a_late_callback_does_not_shift_the_audio_in_time() -> None:
    mic = microphone()
    for i in range(1, 51):
        late_s = 0.08 if i % 10 == 0 else 0.0
        mic.write(ramp(0, 20), i * 0.02 + late_s)
    assert mic.read()[1] == pytest.approx(1.0, abs=0.002)


def test_after_a_device_was_away_the_audio_is_of_the_present() -> None:
    mic = microphone()
    mic.write(ramp(0, 20), 0.02)
    mic.write(ramp(0, 20), 7.02)
    assert mic.read()[1] == pytest.approx(7.02)


def test_a_device_with_a_slow_clock_is_followed() -> None:
    mic = microphone()
    for i in range(1, 50_001):
        mic.write(ramp(0, 20), i * 0.02 * 1.0005)
    mic.read()
    assert mic.read()[1] == pytest.approx(50_000 * 0.02 * 1.0005, abs=0.01)
