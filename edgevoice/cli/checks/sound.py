"""Microphone, loudspeaker, and what stands between them and PortAudio."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgevoice.cli.checks import child
from edgevoice.cli.checks.finding import Finding, ok, warning
from edgevoice.core.settings import AudioSettings

TIMEOUT_S = 15.0
"""To list the devices: a second or less, unless the sound server hangs."""

WITHOUT_EARS = "edgevoice talk --input question.wav, or edgevoice talk --text"
WITHOUT_VOICE = "edgevoice talk --text --mute, or --input question.wav --output reply.wav"
FAILURES = {
    "package": ("The package sounddevice is not installed.", "pip install sounddevice"),
    "library": ("The PortAudio library is not installed.", "sudo apt install libportaudio2"),
}


def ask(audio: AudioSettings) -> child.Answer:
    """List the sound devices in a child, where a sound server that hangs does no harm."""
    arguments = [json.dumps(audio.input), json.dumps(audio.output)]
    return child.ask(Path(__file__).with_name("sound_probe.py"), arguments, TIMEOUT_S)


def check(answer: child.Answer, root: Path, environment: Mapping[str, str]) -> list[Finding]:
    """Say which devices a talk would use. None of it is a problem: one can type and read."""
    seen = answer.objects[-1] if answer.objects else {}
    if not seen:
        said = f"The sound devices cannot be listed: {answer.ending or 'no answer'}."
        return [
            warning("sound", said, "restart the sound server, or unplug the device and plug it in"),
            warning("microphone", "unknown", WITHOUT_EARS),
        ]
    if error := seen.get("error"):
        said, hint = FAILURES[error]
        return [warning("sound", said, hint), warning("microphone", "unknown", WITHOUT_EARS)]
    devices = [_line(device) for device in seen["devices"]]
    return [
        ok("sound", f"{len(devices)} devices" if devices else "no devices", *devices),
        *_access(bool(devices), root, environment),
        _device("microphone", seen["input"], "max_input_channels", WITHOUT_EARS),
        _device("loudspeaker", seen["output"], "max_output_channels", WITHOUT_VOICE),
    ]


def _device(area: str, device: Mapping[str, Any], channels: str, without: str) -> Finding:
    if error := str(device.get("error", "")):
        # PortAudio's number for "no default device".
        why = "" if "querying device -1" in error else f" {error.splitlines()[0].rstrip('.:')}."
        return warning(area, f"There is none.{why}", without)
    number = device[channels]
    plural = "s" if number > 1 else ""
    rate = device["default_samplerate"]
    return ok(area, f"{device['index']} {device['name']}, {number} channel{plural}, {rate:.0f} Hz")


def _line(device: Mapping[str, Any]) -> str:
    return (
        f"{device['index']:>3} {device['name']} (in {device['max_input_channels']}, "
        f"out {device['max_output_channels']}, {device['default_samplerate']:.0f} Hz)"
    )


def _access(has_devices: bool, root: Path, environment: Mapping[str, str]) -> list[Finding]:
    """Say what may keep PortAudio from a sound server or a card that is there."""
    own = Path("run/user") / str(os.getuid())
    usual = root / own
    named = environment.get("XDG_RUNTIME_DIR", "")
    folder = root / named.lstrip("/") if named else usual
    servers = {"PulseAudio": "pulse/native", "PipeWire": "pipewire-0"}
    running = [name for name, socket in servers.items() if (folder / socket).exists()]
    if running and not named and "PULSE_SERVER" not in environment:
        return [
            warning(
                "sound server",
                f"{running[0]} runs, and XDG_RUNTIME_DIR, by which it is found, is not set.",
                f"export XDG_RUNTIME_DIR=/{own}",
            )
        ]
    if running and not has_devices:
        plugin = "pipewire-alsa" if running == ["PipeWire"] else "libasound2-plugins"
        return [
            warning(
                "sound server",
                f"{running[0]} runs, and PortAudio does not see it.",
                f"sudo apt install {plugin}",
            )
        ]
    if running:
        return [ok("sound server", " and ".join(running))]
    cards = sorted((root / "dev/snd").glob("pcm*"))
    if cards and not os.access(cards[0], os.R_OK | os.W_OK):
        return [
            warning(
                "sound card",
                f"{cards[0]} is not for this user to open.",
                "sudo usermod -aG audio $USER, then log in again",
            )
        ]
    return []
