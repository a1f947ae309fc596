"""The sound card, through PortAudio."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from edgevoice.backends.protocols import Samples
from edgevoice.errors import AudioError
from edgevoice.runtime.clock import Clock
from edgevoice.runtime.loudspeaker import Loudspeaker
from edgevoice.runtime.microphone import Microphone

BLOCK_S = 0.02
"""Length of a block asked for: shorter ones cost wake-ups, and the VAD takes 32 ms anyway."""

SILENT_AFTER_S = 2.0
"""A stream whose callback has not come for this long is taken for dead and opened anew."""

WATCH_EVERY_S = 0.5
"""Time between looks at the streams, and between attempts to open a device that has gone."""

CALLBACK_WITHIN_S = 0.5
"""A stream that was opened well calls back within this."""

Device = int | str | None


class SoundCard:
    """Microphone and loudspeaker as two PortAudio streams at the devices' own rates.

    Devices are opened at the rate they prefer: many refuse 16 kHz. A watchdog opens a
    stream again whose callback stays away, as after a device was pulled out: PortAudio
    gives no sign of that by itself. PortAudio's callbacks only copy.
    """

    def __init__(
        self,
        input_device: Device,
        output_device: Device,
        latency: float | str,
        clock: Clock,
        notice: Callable[[str], None],
        *,
        listen: bool = True,
    ) -> None:
        self._sounddevice = _sounddevice()
        self._clock = clock
        self._latency = latency
        self._notice = notice
        self._input = None
        if listen:
            self._input = _Port(
                "microphone", self._query(input_device, "input"), input_device, channels=1
            )
        speaker = self._query(output_device, "output")
        channels = min(2, speaker["max_output_channels"])
        self._output = _Port("loudspeaker", speaker, output_device, channels)
        self.input_rate = self._input.rate if self._input else 16_000
        self.output_rate = self._output.rate
        self._stopped = threading.Event()
        self._watchdog: threading.Thread | None = None

    def start(
        self, microphone: Microphone, loudspeaker: Loudspeaker, wake: Callable[[], None]
    ) -> None:
        """Open both streams. Raises ``AudioError`` when a device cannot be opened."""
        del wake  # the clock is real: nobody waits for a tick
        self._output.open_stream = partial(self._open_output, loudspeaker)
        ports = [self._output]
        if port := self._input:
            port.open_stream = partial(self._open_input, port, microphone)
            ports.append(port)
        for port in ports:
            port.open()
        self._watchdog = threading.Thread(target=self._watch, args=(ports,), daemon=True)
        self._watchdog.start()

    def stop(self) -> None:
        """Close both streams."""
        self._stopped.set()
        if self._watchdog:
            self._watchdog.join(5.0)
        for port in (self._input, self._output):
            if port:
                port.close()

    def _query(self, device: Device, kind: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._sounddevice.query_devices(device, kind)
        except (ValueError, self._sounddevice.PortAudioError) as error:
            name = "microphone" if kind == "input" else "loudspeaker"
            raise AudioError(
                f"There is no {name}{f' called {device!r}' if device else ''} ({_short(error)}).",
                hint="edgevoice doctor, or talk with --input question.wav or --text",
            ) from error
        return found

    def _open_input(self, port: _Port, microphone: Microphone) -> object:
        def callback(indata: Samples, frames: int, moment: object, status: object) -> None:
            del frames, moment, status
            port.alive_at = time.monotonic()
            microphone.write(indata[:, 0], self._clock.now())

        return self._stream(self._sounddevice.InputStream, port, callback)

    def _open_output(self, loudspeaker: Loudspeaker) -> object:
        port = self._output
        mono = np.zeros(0, np.float32)

        def callback(outdata: Samples, frames: int, moment: Any, status: object) -> None:
            nonlocal mono
            del status
            port.alive_at = time.monotonic()
            if len(mono) != frames:
                mono = np.zeros(frames, np.float32)
            ahead_s = max(0.0, moment.outputBufferDacTime - moment.currentTime)
            loudspeaker.fill(mono, self._clock.now(), ahead_s)
            outdata[:] = mono[:, None]

        return self._stream(self._sounddevice.OutputStream, port, callback)

    def _stream(
        self, kind: Callable[..., Any], port: _Port, callback: Callable[..., None]
    ) -> object:
        return kind(
            device=port.device,
            samplerate=port.rate,
            channels=port.channels,
            blocksize=round(BLOCK_S * port.rate),
            latency=self._latency,
            dtype="float32",
            callback=callback,
        )

    def _watch(self, ports: list[_Port]) -> None:
        """Open dead streams again, for as long as it takes."""
        while not self._stopped.wait(WATCH_EVERY_S):
            for port in ports:
                if port.silent_for() > SILENT_AFTER_S and not port.gone:
                    port.gone = True
                    self._notice(f"{port.name} is gone; waiting for it to come back.")
                if port.gone and port.reopen():
                    port.gone = False
                    self._notice(f"{port.name} is back.")


class _Port:
    """One direction of the sound card: a device and the stream that is open on it."""

    def __init__(self, what: str, info: dict[str, Any], device: Device, channels: int) -> None:
        self.name = f"The {what} ({info['name']})"
        self.device = device
        self.rate = int(info["default_samplerate"])
        self.channels = channels
        self.alive_at = time.monotonic()
        self.gone = False
        self.open_stream: Callable[[], Any] = lambda: None
        self._stream: Any = None

    def open(self) -> None:
        """Open the stream. Raises ``AudioError``."""
        try:
            self._stream = self.open_stream()
            self._stream.start()
        except Exception as error:
            raise AudioError(
                f"{self.name} cannot be opened at {self.rate} Hz ({_short(error)}).",
                hint="edgevoice doctor",
            ) from error
        self.alive_at = time.monotonic()

    def silent_for(self) -> float:
        """Return the seconds since the last callback."""
        return time.monotonic() - self.alive_at

    def reopen(self) -> bool:
        """Try to open the stream anew; tells whether its callback comes."""
        self.close()
        try:
            self.open()
        except AudioError:
            return False
        opened_at = self.alive_at
        time.sleep(CALLBACK_WITHIN_S)
        return self.alive_at > opened_at

    def close(self) -> None:
        """Close the stream, whatever state its device is in."""
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                stream.abort(ignore_errors=True)
                stream.close(ignore_errors=True)
            except Exception:  # noqa: BLE001, S110 - a device that is gone cannot be closed well
                pass


def _short(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def _sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise AudioError(
            "The PortAudio library is not installed.", hint="sudo apt install libportaudio2"
        ) from error
    return sounddevice
