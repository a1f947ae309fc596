"""A talk through a real sound server: virtual microphone and loudspeaker, pulled out and back."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgevoice.backends.protocols import EARS_RATE
from edgevoice.core.words import plain_words
from tests.recordings import clip
from tests.sound_server import SoundServer

pytestmark = [pytest.mark.models, pytest.mark.sound]

PATIENCE_S = 60.0


def hears_ctrl_c() -> None:
    """Undo what a shell does to its background jobs, whose children would ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class LiveTalk:
    """``edgevoice talk --json`` in a process of its own, and its lines as they come."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edgevoice", "talk", "--json", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=hears_ctrl_c,
        )
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def wait_for(self, kind: str, **content: object) -> dict[str, Any]:
        """The next line of this kind and content; fails when it does not come."""
        while (line := self._lines.get(timeout=PATIENCE_S)) is not None:
            if line["kind"] == kind and content.items() <= line.items():
                return line
        assert self.process.stderr
        raise AssertionError(f"the talk ended: {self.process.stderr.read()}")


def plain(line: dict[str, Any]) -> str:
    return " ".join(plain_words(line["text"]))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SoundServer]:
    server = SoundServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def talk(environment: dict[str, str]) -> Iterator[LiveTalk]:
    talk = LiveTalk(environment)
    yield talk
    talk.process.kill()
    talk.process.wait()


@pytest.fixture
def environment(server: SoundServer, store: Any) -> dict[str, str]:
    return {**server.environment, "EDGEVOICE_MODELS": str(store.root)}


def test_a_conversation_survives_the_devices_being_pulled_out(
    server: SoundServer, talk: LiveTalk
) -> None:
    talk.wait_for("phase", name="idle")
    with server.recording() as heard:
        server.say(clip("who-sent-it"), EARS_RATE)
        assert plain(talk.wait_for("heard")) == "i'm afraid i don't know who sent this message"
        talk.wait_for("phase", name="speaking")
        talk.wait_for("phase", name="idle")
    assert np.abs(heard[0]).max() > 0.05

    server.unplug()
    assert "is gone" in talk.wait_for("notice")["text"]
    assert "is gone" in talk.wait_for("notice")["text"]
    server.plug()
    assert "is back" in talk.wait_for("notice")["text"]
    assert "is back" in talk.wait_for("notice")["text"]
    with server.recording() as heard:
        server.say(clip("monkeys"), EARS_RATE)
        assert plain(talk.wait_for("heard")) == "they have been carried away by monkeys"
        talk.wait_for("phase", name="speaking")
        talk.wait_for("phase", name="idle")
    assert np.abs(heard[0]).max() > 0.05

    talk.process.send_signal(signal.SIGINT)
    assert talk.process.wait(20) == 130
    assert talk.process.stderr
    assert "Traceback" not in talk.process.stderr.read()


def test_no_microphone_is_said_in_a_line_that_helps(
    server: SoundServer, environment: dict[str, str]
) -> None:
    server.stop()
    done = subprocess.run(
        [sys.executable, "-m", "edgevoice", "talk"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "--input question.wav" in done.stderr
    assert "Traceback" not in done.stderr
