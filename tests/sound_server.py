"""A PulseAudio server of the tests' own, with a virtual microphone and loudspeaker."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edgevoice.backends.protocols import Samples

RATE = 48_000

_FORMAT = ["--channels=1", "--format=float32le"]


class SoundServer:
    """A server in ``folder``, unknown to the machine's own; nothing of it outlives ``stop``.

    What is played into the sink ``room`` is heard by the microphone ``mic``; what the
    loudspeaker ``spk`` plays can be recorded.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.chmod(0o700)
        self.environment = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_SERVER": f"unix:{folder}/socket",
            "PULSE_COOKIE": str(folder / "cookie"),
            "HOME": str(folder),
        }
        self._server = subprocess.Popen(
            [
                "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
                "--disable-shm=yes",
                "-L", f"module-native-protocol-unix socket={folder}/socket auth-anonymous=1",
            ],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._await(
            lambda: (
                subprocess.run(
                    ["pactl", "info"], env=self.environment, capture_output=True, check=False
                ).returncode
                == 0
            )
        )
        self.plug()

    def plug(self) -> None:
        """Plug the microphone and the loudspeaker in."""
        null_sink = ["load-module", "module-null-sink", f"rate={RATE}", "channels=1"]
        source = ["load-module", "module-remap-source", "source_name=mic", "master=room.monitor"]
        self._modules = [
            self._pactl(*null_sink, "sink_name=spk"),
            self._pactl(*null_sink, "sink_name=room"),
            self._pactl(*source),
        ]
        self._pactl("set-default-sink", "spk")
        self._pactl("set-default-source", "mic")

    def unplug(self) -> None:
        """Pull both out."""
        for module in reversed(self._modules):
            self._pactl("unload-module", module)

    def say(self, samples: Samples, rate: int) -> None:
        """Play ``samples`` into the room, and wait until they are over."""
        subprocess.run(
            ["pacat", "--playback", "-d", "room", *_FORMAT, f"--rate={rate}"],
            env=self.environment, input=samples.astype("<f4").tobytes(), check=True,
        )  # fmt: skip

    @contextmanager
    def recording(self) -> Iterator[list[Samples]]:
        """Record the loudspeaker; the list holds the samples (48 kHz) afterwards."""
        heard: list[Samples] = []
        with tempfile.TemporaryFile() as file:  # a pipe that nobody reads would fill, and block
            recorder = subprocess.Popen(
                ["parec", "--latency-msec=20", "-d", "spk.monitor", *_FORMAT, f"--rate={RATE}"],
                env=self.environment,
                stdout=file,
            )
            try:
                yield heard
            finally:
                recorder.send_signal(signal.SIGTERM)
                recorder.wait(10)
                file.seek(0)
                data = file.read()
                heard.append(np.frombuffer(data[: len(data) // 4 * 4], "<f4"))

    def stop(self) -> None:
        """End the server."""
        self._server.terminate()
        self._server.wait(10)

    def _pactl(self, *arguments: str) -> str:
        done = subprocess.run(
            ["pactl", *arguments], env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def _await(self, ready: object) -> None:
        assert callable(ready)
        for _ in range(100):
            if ready():
                return
            time.sleep(0.1)
        raise AssertionError("PulseAudio did not start")
