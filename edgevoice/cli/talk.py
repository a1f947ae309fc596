"""``edgevoice talk``: hold a conversation."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from edgevoice.backends.protocols import EARS_RATE
from edgevoice.cli.narrator import Narrator
from edgevoice.cli.view import View, open_view
from edgevoice.core.conversation import Conversation, Phase
from edgevoice.core.events import InputEnded, Typed
from edgevoice.core.settings import Settings
from edgevoice.core.speculation import Speculation
from edgevoice.errors import Misused
from edgevoice.runtime import models
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.assistant import Assistant, SoundDevice
from edgevoice.runtime.clock import AudioClock, Clock, RealClock
from edgevoice.runtime.file_device import FileDevice, Recording, Silence, Source
from edgevoice.runtime.opening import assistant, opening
from edgevoice.runtime.settings_file import read
from edgevoice.runtime.trace import TraceWriter
from edgevoice.runtime.wav import WavWriter, read_wav

FILE_RATE = 24_000
"""Sample rate in Hz of ``--output``: the default voice's own, so nothing is resampled."""

EXAMPLES = """\
examples:
  edgevoice talk                                        with microphone and loudspeaker
  edgevoice talk --input question.wav --output reply.wav
  edgevoice talk --text --mute                          type and read
  edgevoice talk --set llm.bundle=qwen2.5-coder-1.5b    another model
  edgevoice talk --set llm.url=http://127.0.0.1:11434/v1 --set llm.model=llama3.2

Ctrl-C ends the talk. `edgevoice doctor` checks what it needs.
"""


def main(argv: list[str]) -> int:
    """Run the verb. Returns the exit status."""
    options = _options(argv)
    wishes = [f"plan.watts={options.watts}"] if options.watts is not None else []
    wishes += ["plan.quiet=true"] if options.quiet else []
    settings = read(options.config, [*options.set, *wishes])
    store = models.store_of(settings, options.models)
    # With --fast the same recording shall give the same talk, whatever else this device does.
    begun = opening(settings, store, mute=options.mute, govern=not options.fast)
    with ExitStack() as stack:
        view = open_view(
            as_json=options.json,
            plain=options.plain,
            typed=options.text,
            models=list(begun.names.values()),
        )
        stack.callback(view.close)
        activity = Activity()
        clock: Clock = AudioClock() if options.fast else RealClock()
        device = _device(options, settings, clock, activity, view)
        echo = settings.audio.echo and not options.input and not options.text
        talk = assistant(begun, device, clock, activity, view.notice, cancel_echo=echo)
        if trace_file := options.trace or settings.trace.file:
            trace = TraceWriter(
                Path(trace_file),
                settings.turn.rules(),
                cast(Speculation, settings.turn.speculation),
                words=settings.trace.words,
            )
            stack.callback(trace.close)
            talk.observers.append(trace.observe)
            if settings.trace.audio:
                sound = WavWriter(Path(trace_file).with_suffix(".wav"), EARS_RATE)
                stack.callback(sound.close)
                talk.ears.on_frame = sound.write
        talk.observers.append(Narrator(view).observe)
        talk.ears.on_level = view.level
        signal.signal(signal.SIGTERM, _end)
        if options.text:
            _Typist(talk).start()
        talk.run()
    return 0


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="edgevoice talk",
        description="Talk to the assistant. Nothing leaves this device.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--input", type=Path, metavar="WAV", help="hear this instead of a microphone"
    )
    parser.add_argument(
        "--output", type=Path, metavar="WAV", help="write what is spoken, in time with the input"
    )
    parser.add_argument(
        "--fast",
        action="store_true",
        help="with --input: as fast as the models can, not in real time",
    )
    parser.add_argument("--text", action="store_true", help="type instead of speaking")
    parser.add_argument("--mute", action="store_true", help="show the reply instead of speaking it")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--plain", action="store_true", help="print plain lines")
    parser.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="write every event and command, without what was said",
    )
    parser.add_argument(
        "--config", type=Path, metavar="TOML", help="settings (default: edgevoice.toml)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one setting, such as llm.context=2048",
    )
    parser.add_argument(
        "--watts", type=float, metavar="W", help="most power to take on average (plan.watts)"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="keep the device cool and its battery lasting"
    )
    parser.add_argument("--models", type=Path, metavar="DIR", help="where the models are")
    options = parser.parse_args(argv)
    if options.fast and not options.input:
        raise Misused("--fast needs a recording.", hint="--input question.wav --fast")
    if options.text and options.input:
        raise Misused("--text and --input exclude each other.")
    return options


def _device(
    options: argparse.Namespace, settings: Settings, clock: Clock, activity: Activity, view: View
) -> SoundDevice:
    """Return where the sound comes from and goes to."""
    if options.input:
        samples, rate = read_wav(options.input)
        return _files(options, clock, activity, Recording(samples, rate), rate)
    if options.mute or options.output:
        if not options.text:
            raise Misused("--mute and --output need --input or --text.")
        return _files(options, clock, activity, Silence(), FILE_RATE)
    from edgevoice.runtime.sound_card import SoundCard

    audio = settings.audio
    return SoundCard(
        audio.input if audio.input != "" else None,
        audio.output if audio.output != "" else None,
        audio.latency,
        clock,
        view.notice,
        listen=not options.text,
    )


def _files(
    options: argparse.Namespace, clock: Clock, activity: Activity, source: Source, rate: int
) -> FileDevice:
    sink = WavWriter(options.output, FILE_RATE) if options.output else None
    return FileDevice(source, rate, FILE_RATE, clock, activity, sink)


def _end(number: int, frame: object) -> None:
    """Leave by the way that gives the terminal back and completes the files."""
    del frame
    sys.exit(128 + number)


class _Typist:
    """Reads lines from standard input and posts them.

    A person may interrupt the reply by typing; lines from a file or a pipe wait for it.
    """

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._idle = threading.Event()
        self._idle.set()
        assistant.observers.append(self._observe)

    def start(self) -> None:
        """Begin to read, on a thread of its own."""
        threading.Thread(target=self._work, name="typist", daemon=True).start()

    def _observe(self, event: object, commands: object, conversation: Conversation) -> None:
        del event, commands
        if conversation.phase is Phase.IDLE:
            self._idle.set()

    def _work(self) -> None:
        for line in sys.stdin:
            if not sys.stdin.isatty():
                self._idle.wait()
                self._idle.clear()
            if text := line.strip():
                self._assistant.post(Typed(self._assistant.now(), text))
        self._assistant.post(InputEnded(self._assistant.now()))
