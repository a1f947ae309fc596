"""What a user may set: a frozen dataclass per section, each key with its meaning and range."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from edgevoice.core.turn_taking import TurnTaking
from edgevoice.errors import Misused

Value = bool | int | float | str
T = TypeVar("T", bool, int, float, str, int | str, float | str)

_RULES = TurnTaking()


@dataclass(frozen=True, slots=True)
class Limits:
    """What is said of a key beside its type; ``low`` and ``high`` are allowed values."""

    about: str
    low: float | None = None
    high: float | None = None
    multiple_of: int = 1
    words: tuple[str, ...] = ()
    is_path: bool = False


def key(default: T, about: str, low: float | None = None, high: float | None = None) -> T:
    """Declare a key of a section."""
    return _field(default, Limits(about, low, high))


def _field(default: T, limits: Limits) -> T:
    return field(default=default, metadata={"limits": limits})


@dataclass(frozen=True, slots=True)
class VadSettings:
    """Voice activity detection."""

    bundle: str = key("silero-vad", "Model that hears whether somebody speaks.")
    threshold: float = key(0.5, "Probability from which a frame counts as speech.", 0.05, 0.95)


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """When a turn is over, and who has it. Times are of the user's silence in seconds."""

    bundle: str = key("smart-turn", 'Model that tells a finished turn from a pause; "" for none.')
    sure_s: float = key(_RULES.sure_s, "Silence when all says that the user is done.", 0.05, 5)
    unsure_s: float = key(_RULES.unsure_s, "Silence when the user seems to go on.", 0.05, 10)
    blind_s: float = key(_RULES.blind_s, "Silence when nothing tells either way.", 0.05, 10)
    sure_above: float = key(_RULES.sure_above, "Probability from which the model is sure.", 0, 1)
    unsure_below: float = key(
        _RULES.unsure_below, "Probability under which the user will go on.", 0, 1
    )
    barge_in_after_s: float = key(
        _RULES.barge_in_after_s, "Speech over the reply that takes the turn.", 0.1, 5
    )
    longest_utterance_s: float = key(
        _RULES.longest_utterance_s, "An utterance is answered after this, finished or not.", 5, 600
    )

    def rules(self) -> TurnTaking:
        """Return these settings as the conversation takes them."""
        return TurnTaking(**{rule.name: getattr(self, rule.name) for rule in fields(TurnTaking)})


@dataclass(frozen=True, slots=True)
class SttSettings:
    """Speech-to-text."""

    bundle: str = key("moonshine-tiny-en", "Model that turns speech into text.")
    threads: int = key(0, "Threads for it; 0 lets edgevoice choose.", 0, 64)


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """The language model: a bundle on this device, or a server that ``url`` names."""

    bundle: str = key("smollm2-135m-instruct", "Model that writes the replies.")
    threads: int = key(0, "Threads for it; 0 lets edgevoice choose.", 0, 64)
    context: int = _field(
        # llama.cpp overflows its arrays at other sizes.
        2048,
        Limits("Tokens that prompt and reply share.", 256, 131_072, multiple_of=256),
    )
    max_tokens: int = key(160, "Longest reply in tokens.", 1, 8192)
    system_prompt: str = key(
        "You are a friendly voice assistant. Answer in one or two short, plain sentences.",
        "What the model is told before the talk.",
    )
    temperature: float = key(0.3, "0 takes the likeliest word; more makes it livelier.", 0, 2)
    seed: int = key(0, "The same seed and the same talk give the same replies.", 0, 2**32 - 1)
    url: str = key("", 'OpenAI-compatible server in place of the bundle; "" for none.')
    model: str = key("", "Name of the model on that server.")
    allow_public: bool = key(False, "Let the server be outside the local network.")


@dataclass(frozen=True, slots=True)
class TtsSettings:
    """Text-to-speech."""

    bundle: str = key("hibari", "Model that speaks the replies.")
    threads: int = key(0, "Threads for it; 0 lets edgevoice choose.", 0, 64)


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """Microphone and loudspeaker."""

    input: int | str = key("", 'Microphone: part of its name, or its number; "" for the default.')
    output: int | str = key("", 'Loudspeaker: part of its name, or its number; "" for the default.')
    latency: float | str = _field(
        # At 0.05 s and less, streams of PulseAudio often open and stay silent.
        "high",
        Limits(
            "Buffering of the sound devices, in seconds if a number.", 0.005, 2, 1, ("low", "high")
        ),
    )


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """A record of what happened. What was said stays out of it unless asked for."""

    file: str = _field("", Limits('Where to write it; "" for nowhere.', is_path=True))
    words: bool = key(False, "Include what was said.")
    audio: bool = key(False, "Include the sound.")


@dataclass(frozen=True, slots=True)
class ModelsSettings:
    """Where the models are."""

    folder: str = _field("", Limits('Their folder; "" for the usual one.', is_path=True))


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be set."""

    vad: VadSettings = VadSettings()
    turn: TurnSettings = TurnSettings()
    stt: SttSettings = SttSettings()
    llm: LlmSettings = LlmSettings()
    tts: TtsSettings = TtsSettings()
    audio: AudioSettings = AudioSettings()
    trace: TraceSettings = TraceSettings()
    models: ModelsSettings = ModelsSettings()


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the reader of a file meets it. ``kinds`` are the types that it takes."""

    section: str
    name: str
    kinds: tuple[type, ...]
    limits: Limits

    @property
    def allowed(self) -> str:
        """The values it takes, in words."""
        limits = self.limits
        spans = f" from {limits.low:g} to {limits.high:g}" if limits.low is not None else ""
        if limits.low is not None and int in self.kinds:
            spans = f" from {limits.low:.0f} to {limits.high:.0f}"
        if limits.multiple_of > 1:
            spans += f" in steps of {limits.multiple_of}"
        text = " or ".join(f'"{word}"' for word in limits.words) or "a text"
        names = {bool: "true or false", int: f"a whole number{spans}", float: f"a number{spans}"}
        return " or ".join(names.get(kind, text) for kind in self.kinds)

    def admits(self, value: object) -> bool:
        """Say whether ``value`` is of an allowed type and in range."""
        limits = self.limits
        kind = type(value)
        if kind is str:
            return str in self.kinds and (not limits.words or value in limits.words)
        if kind is bool or kind not in (int, float):
            return kind in self.kinds
        if kind not in self.kinds and not (kind is int and float in self.kinds):
            return False
        assert isinstance(value, int | float)  # noqa: S101 - tells mypy what was just shown
        if limits.low is not None and not limits.low <= value <= (limits.high or 0):
            return False
        return value % limits.multiple_of == 0 if kind is int else True
