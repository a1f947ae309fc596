"""What a user may set: a frozen dataclass per section, each key with its meaning and range."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import get_args, get_type_hints

from edgevoice.core.bundle import Role
from edgevoice.core.plan_types import IDLE_S, TARGET_S
from edgevoice.core.setting_key import Key, key
from edgevoice.core.turn_taking import TurnTaking
from edgevoice.errors import Misused

_RULES = TurnTaking()
_PROBABILITY = (0.0, 1.0)
_THREADS = (0, 64)


@dataclass(frozen=True, slots=True)
class VadSettings:
    """Hearing whether somebody speaks."""

    bundle: str = key("silero-vad", "Voice activity detection model.")
    threshold: float = key(0.5, "Probability from which a frame counts as speech.", (0.05, 0.95))


@dataclass(frozen=True, slots=True)
class WakeSettings:
    """Listening only after a word."""

    word: str = key(
        "", 'okay_nabu, hey_jarvis, hey_mycroft, alexa, or a microWakeWord .json; "" for none.'
    )
    awake_s: float = key(8.0, "Listen for so long after the word, and after each turn.", (1, 600))


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """When a turn is over, and who takes it."""

    bundle: str = key("smart-turn-v3", 'Model that tells an end from a pause; "" for none.')
    sure_s: float = key(_RULES.sure_s, "Silence to wait for when the turn seems over.", (0.05, 5))
    unsure_s: float = key(
        _RULES.unsure_s, "Silence to wait for when the user seems to go on.", (0.05, 10)
    )
    blind_s: float = key(_RULES.blind_s, "Silence to wait for when nothing is known.", (0.05, 10))
    sure_above: float = key(
        _RULES.sure_above, "Probability from which the turn seems over.", _PROBABILITY
    )
    unsure_below: float = key(
        _RULES.unsure_below, "Probability under which the user seems to go on.", _PROBABILITY
    )
    barge_in_after_s: float = key(
        _RULES.barge_in_after_s, "Speech over the reply until its words are looked at.", (0.1, 5)
    )
    look_again_s: float = key(
        _RULES.look_again_s, 'Time to the next look, while they only say "go on".', (0.1, 5)
    )
    longest_interjection_s: float = key(
        _RULES.longest_interjection_s, "Sound without words that the reply waits for.", (0.5, 30)
    )
    longest_utterance_s: float = key(
        _RULES.longest_utterance_s, "An utterance is answered after this, ended or not.", (5, 600)
    )
    first_partial_s: float = key(
        _RULES.first_partial_s, "Length of an utterance at its first partial transcript.", (0.3, 60)
    )
    partial_every_s: float = key(
        _RULES.partial_every_s, "Time until the next one, at the least.", (0.1, 60)
    )
    partial_growth: float = key(
        _RULES.partial_growth, "Growth of the utterance until the next one, at the least.", (1, 10)
    )
    speculation: str = key(
        "draft",
        "What is done before the turn is sure to be over: nothing, reading the prompt, "
        "or making the first of the reply as well.",
        words=("off", "prefill", "draft"),
    )

    def rules(self) -> TurnTaking:
        """Return these settings as the conversation takes them."""
        return TurnTaking(**{rule.name: getattr(self, rule.name) for rule in fields(TurnTaking)})


@dataclass(frozen=True, slots=True)
class SttSettings:
    """Speech-to-text."""

    bundle: str = key("moonshine-tiny-en", "Model that turns speech into text.")
    threads: int = key(0, "Threads for it; 0 to let edgevoice choose.", _THREADS)


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """Writing the reply, with a model on this device or a server on the local network."""

    bundle: str = key("smollm2-135m", "Language model.")
    threads: int = key(0, "Threads for it; 0 to let edgevoice choose.", _THREADS)
    context: int = key(  # llama.cpp writes past its arrays at sizes between the steps
        2048, "Tokens that the talk and the reply share.", (256, 131_072), multiple_of=256
    )
    max_tokens: int = key(160, "Longest reply, in tokens.", (1, 8192))
    system_prompt: str = key(
        "You are edgevoice, a friendly voice assistant. "
        "Answer in one or two short spoken sentences.",
        "What the model is told before the talk.",
    )
    temperature: float = key(0.0, "0 takes the likeliest word; more is livelier.", (0, 2))
    seed: int = key(0, "The same seed gives the same reply to the same talk.", (0, 2**32 - 1))
    url: str = key("", 'OpenAI-compatible server to ask instead; "" for none.')
    model: str = key("", "Name of the model on that server.")
    allow_public: bool = key(False, "Let the server be outside the local network.")


@dataclass(frozen=True, slots=True)
class TtsSettings:
    """Text-to-speech."""

    bundle: str = key("hibari-heart", "Voice.")
    threads: int = key(0, "Threads for it; 0 to let edgevoice choose.", _THREADS)


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """Microphone and loudspeaker."""

    input: int | str = key("", 'Microphone: part of its name, or its number; "" for the default.')
    output: int | str = key("", 'Loudspeaker: part of its name, or its number; "" likewise.')
    echo: bool = key(True, "Take the loudspeaker's sound out of the microphone's.")
    latency: float | str = key(  # streams of PulseAudio at 0.05 s and less often stay silent
        "high", "Buffering in seconds, or the device's own.", (0.005, 2), words=("low", "high")
    )


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """A record of each event and command. What was said stays out of it unless asked for."""

    file: str = key("", 'Where to write it; "" for nowhere.', is_path=True)
    words: bool = key(False, "Include what was said, as text.")
    audio: bool = key(False, "Include what was said, as sound.")


@dataclass(frozen=True, slots=True)
class ModelsSettings:
    """Where the models are."""

    folder: str = key("", 'Their folder; "" for the user\'s data folder.', is_path=True)


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Keeping within the memory, the heat and the power of the device."""

    govern: bool = key(True, "Watch the device, and do less, or with smaller models, in time.")
    smaller: bool = key(
        True, "Take smaller models that are here where the chosen ones do not fit or are too slow."
    )
    target_s: float = key(TARGET_S, "Wait for the reply to aim at.", (0.1, 60))
    watts: float = key(0.0, "Most power to take on average; 0 for no cap.", (0, 1000))
    quiet: bool = key(False, "Do less, for a cool device and a battery that lasts.")
    idle_s: float = key(
        IDLE_S, "Models are unloaded after so long without a word.", (10.0, 1_000_000)
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be set."""

    vad: VadSettings = VadSettings()
    wake: WakeSettings = WakeSettings()
    turn: TurnSettings = TurnSettings()
    stt: SttSettings = SttSettings()
    llm: LlmSettings = LlmSettings()
    tts: TtsSettings = TtsSettings()
    audio: AudioSettings = AudioSettings()
    trace: TraceSettings = TraceSettings()
    models: ModelsSettings = ModelsSettings()
    plan: PlanSettings = PlanSettings()

    def bundles(self) -> dict[Role, str]:
        """Return the bundle of each role that has one; a server does without that of the LLM."""
        named = {
            Role.VAD: self.vad.bundle,
            Role.TURN: self.turn.bundle,
            Role.STT: self.stt.bundle,
            Role.LLM: "" if self.llm.url else self.llm.bundle,
            Role.TTS: self.tts.bundle,
        }
        return {role: name for role, name in named.items() if name}


SECTIONS: dict[str, type] = get_type_hints(Settings)


def _keys(section: type) -> dict[str, Key]:
    kinds = get_type_hints(section)
    return {
        field.name: replace(
            field.metadata["key"], kinds=get_args(kinds[field.name]) or (kinds[field.name],)
        )
        for field in fields(section)
    }


KEYS: dict[str, Key] = {
    f"{section}.{name}": each
    for section, content in SECTIONS.items()
    for name, each in _keys(content).items()
}
"""Each key under its full name, as in ``llm.context``."""


def with_value(settings: Settings, name: str, value: object, origin: str) -> Settings:
    """Return ``settings`` with the key ``name``, as in ``llm.context``, set to ``value``.

    Raises:
        Misused: there is no such key, or it does not take the value; ``origin`` says where
            the user wrote it.

    """
    if name in SECTIONS:
        raise Misused(
            f"{origin}: {name} is a section, not a key.", hint=f"[{name}], and its keys under it"
        )
    if name not in KEYS:
        raise Misused(f"{origin}: there is no setting {name}.", hint=_nearest(name))
    if not KEYS[name].admits(value):
        raise Misused(f"{origin}: {name} must be {KEYS[name].allowed}, not {_shown(value)}.")
    section, _, last = name.partition(".")
    return replace(settings, **{section: replace(getattr(settings, section), **{last: value})})


def contradiction(settings: Settings) -> str:
    """Return in one line what does not go together in ``settings``, "" when all does."""
    turn, llm = settings.turn, settings.llm
    if turn.sure_s > turn.unsure_s:
        return f"turn.sure_s ({turn.sure_s:g}) must not exceed turn.unsure_s ({turn.unsure_s:g})."
    if turn.unsure_below >= turn.sure_above:
        return (
            f"turn.unsure_below ({turn.unsure_below:g}) must be less than "
            f"turn.sure_above ({turn.sure_above:g})."
        )
    if llm.max_tokens >= llm.context:
        return f"llm.max_tokens ({llm.max_tokens}) must be less than llm.context ({llm.context})."
    if llm.url and not llm.url.startswith(("http://", "https://")):
        return f'llm.url must begin with http:// or https://, not "{llm.url}".'
    return ""


def describe(settings: Settings) -> str:
    """Return ``settings`` as a TOML file that explains itself."""
    return "\n".join(_section(name, getattr(settings, name)) for name in SECTIONS)


def _section(name: str, section: object) -> str:
    lines = [f"# {section.__doc__}", f"[{name}]"]
    for last, each in _keys(type(section)).items():
        anything = each.kinds in {(str,), (bool,)} and not each.words
        allowed = "" if anything else f" Takes {each.allowed}."
        lines += [f"# {each.about}{allowed}", f"{last} = {toml(getattr(section, last))}"]
    return "\n".join(lines) + "\n"


def toml(value: object) -> str:
    """Return a bool, number or text as TOML writes it."""
    if not isinstance(value, str):
        return str(value).lower()
    # JSON's escapes are TOML's, but TOML does not take DEL as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else toml(value)


def _nearest(name: str) -> str:
    last = name.rpartition(".")[2]
    elsewhere = [each for each in KEYS if each.endswith(f".{last}")]
    near = get_close_matches(name, elsewhere or KEYS, n=1, cutoff=0.5)
    return near[0] if near else "edgevoice doctor --settings, which lists all"
