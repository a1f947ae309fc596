"""The check of the sound, with a PortAudio that is laid out for it."""

import os
from pathlib import Path

import pytest

from edgevoice.cli.checks import sound
from edgevoice.cli.checks.finding import Finding, Grade
from edgevoice.core.settings import AudioSettings

SOUNDDEVICE = """
class PortAudioError(Exception):
    pass

DEVICES = [
    dict(name="HDA Intel", index=0, max_input_channels=2, max_output_channels=2,
         default_samplerate=48000.0),
    dict(name="USB Mic", index=1, max_input_channels=1, max_output_channels=0,
         default_samplerate=44100.0),
]

def query_devices(device=None, kind=None):
    if kind is None:
        return tuple(DEVICES)
    if device is None:
        device = 0
    for each in DEVICES:
        if device in (each["name"], each["index"]) and each[f"max_{kind}_channels"]:
            return each
    raise ValueError(f"No {kind} device matching {device!r}")
"""

NO_DEVICES = """
class PortAudioError(Exception):
    pass

def query_devices(device=None, kind=None):
    if kind is None:
        return ()
    raise PortAudioError("Error querying device -1")
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that the probe imports as sounddevice."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(sound, "TIMEOUT_S", 20.0)
    return tmp_path / "sounddevice.py"


def listened(root: Path, audio: AudioSettings, **environment: str) -> dict[str, Finding]:
    findings = sound.check(sound.ask(audio), root, environment)
    assert not any(finding.grade is Grade.PROBLEM for finding in findings)
    return {finding.area: finding for finding in findings}


def test_the_devices_are_listed_and_the_default_ones_named(library: Path, tmp_path: Path) -> None:
    library.write_text(SOUNDDEVICE)
    found = listened(tmp_path, AudioSettings())
    assert found["sound"].details == (
        "  0 HDA Intel (in 2, out 2, 48000 Hz)",
        "  1 USB Mic (in 1, out 0, 44100 Hz)",
    )
    assert found["microphone"].said == "0 HDA Intel, 2 channels, 48000 Hz"
    assert found["loudspeaker"].said == "0 HDA Intel, 2 channels, 48000 Hz"


@pytest.mark.parametrize("device", ["USB Mic", 1])
def test_the_devices_of_the_settings_are_taken(
    library: Path, tmp_path: Path, device: int | str
) -> None:
    library.write_text(SOUNDDEVICE)
    found = listened(tmp_path, AudioSettings(input=device, output=device))
    assert found["microphone"].said == "1 USB Mic, 1 channel, 44100 Hz"
    assert found["loudspeaker"].grade is Grade.WARNING
    assert found["loudspeaker"].said == f"There is none. No output device matching {device!r}."


def test_without_a_microphone_one_can_type(library: Path, tmp_path: Path) -> None:
    library.write_text(NO_DEVICES)
    found = listened(tmp_path, AudioSettings())
    assert found["microphone"].said == "There is none."
    assert "--text" in found["microphone"].hint
    assert "--input" in found["microphone"].hint


@pytest.mark.parametrize(
    ("code", "said", "hint"),
    [
        (
            "raise OSError('PortAudio library not found')",
            "The PortAudio library is not installed.",
            "sudo apt install libportaudio2",
        ),
        (
            "raise ModuleNotFoundError('sounddevice')",
            "The package sounddevice is not installed.",
            "pip install sounddevice",
        ),
        (
            "import os; os.abort()",
            "The sound devices cannot be listed: crash: Aborted.",
            "restart the sound server",
        ),
        (
            "import time; time.sleep(600)",
            "The sound devices cannot be listed: no answer for 1 s.",
            "restart the sound server",
        ),
    ],
    ids=["no library", "no package", "a crash", "a hanging server"],
)
def test_sound_that_cannot_be_had(
    library: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    said: str,
    hint: str,
) -> None:
    library.write_text(code)
    monkeypatch.setattr(sound, "TIMEOUT_S", 1.0 if "sleep" in code else 20.0)
    found = listened(tmp_path, AudioSettings())
    assert found["sound"].said == said
    assert found["sound"].hint.startswith(hint)
    assert found["microphone"].grade is Grade.WARNING


def run_server(root: Path, socket: str) -> Path:
    path = root / "run/user" / str(os.getuid()) / socket
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_a_sound_server_that_cannot_be_found(library: Path, tmp_path: Path) -> None:
    library.write_text(NO_DEVICES)
    run_server(tmp_path, "pulse/native")
    found = listened(tmp_path, AudioSettings())["sound server"]
    assert found.said.startswith("PulseAudio runs, and XDG_RUNTIME_DIR")
    assert found.hint.startswith("export XDG_RUNTIME_DIR=/run/user/")


def test_a_sound_server_that_portaudio_does_not_see(library: Path, tmp_path: Path) -> None:
    library.write_text(NO_DEVICES)
    folder = "/" + str(run_server(tmp_path, "pipewire-0").parent.relative_to(tmp_path))
    found = listened(tmp_path, AudioSettings(), XDG_RUNTIME_DIR=folder)["sound server"]
    assert (found.grade, found.hint) == (Grade.WARNING, "sudo apt install pipewire-alsa")
    library.write_text(SOUNDDEVICE)
    found = listened(tmp_path, AudioSettings(), XDG_RUNTIME_DIR=folder)["sound server"]
    assert (found.grade, found.said) == (Grade.OK, "PipeWire")


def test_a_sound_card_of_other_users(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.write_text(NO_DEVICES)
    (tmp_path / "dev/snd").mkdir(parents=True)
    (tmp_path / "dev/snd/pcmC0D0c").touch()
    assert "sound card" not in listened(tmp_path, AudioSettings())
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert "usermod" in listened(tmp_path, AudioSettings())["sound card"].hint
