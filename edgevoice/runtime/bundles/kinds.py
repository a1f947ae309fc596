"""What the engines load: tells from the names of files which engine they are for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

from edgevoice.core.bundle import Role
from edgevoice.errors import Misused


@dataclass(frozen=True, slots=True)
class Kind:
    """The files that one engine loads."""

    engine: str
    role: Role
    needs: tuple[tuple[str, ...], ...]
    """Patterns: of each inner tuple, the first that matches counts, and must match one file.

    The parts of a split GGUF file are one file.
    """
    takes: tuple[str, ...] = ()
    """Patterns of files that are taken along when they are there."""
    sample_rate: int = 16_000


KINDS = (
    Kind("gguf", Role.LLM, (("*.gguf",),), sample_rate=0),
    Kind(
        "whisper-ct2",
        Role.STT,
        (("model.bin",), ("config.json",), ("tokenizer.json",)),
        ("vocabulary.*", "preprocessor_config.json"),
    ),
    Kind(
        "whisper-optimum",
        Role.STT,
        (
            ("encoder_model.onnx",),
            ("decoder_model_merged.onnx",),
            ("tokenizer.json",),
            ("generation_config.json",),
        ),
    ),
    Kind(
        "onnx-llm",
        Role.LLM,
        (("model.onnx",), ("config.json",), ("tokenizer.json",), ("tokenizer_config.json",)),
        ("model.onnx_data", "chat_template.jinja", "generation_config.json"),
        sample_rate=0,
    ),
    Kind("moonshine", Role.STT, (("encoder*.ort",), ("decoder*.ort",), ("tokens.txt",))),
    Kind(
        "whisper-onnx",
        Role.STT,
        (
            ("*encoder*int8*.onnx", "*encoder*.onnx"),
            ("*decoder*int8*.onnx", "*decoder*.onnx"),
            ("*tokens.txt",),
        ),
    ),
    Kind("smart-turn", Role.TURN, (("smart-turn*.onnx", "smart_turn*.onnx"),)),
    Kind("silero", Role.VAD, (("silero*.onnx",),)),
    Kind("hibari", Role.TTS, (("hibari*.onnx",),), sample_rate=24_000),
    Kind("piper", Role.TTS, (("*.onnx",), ("*.onnx.json",)), sample_rate=22_050),
    Kind("vits", Role.TTS, (("*.onnx",), ("tokens.txt",))),
)
"""The more telling first: a guess takes the first whose files are all there."""

_PART = re.compile(r"(?P<whole>.+)-\d{5}-of-(?P<count>\d{5})\.gguf")
"""How llama.cpp names the parts of a model that was split."""


def recognize(
    names: Sequence[str], *, where: str, role: str = "", engine: str = ""
) -> tuple[Kind, list[str]]:
    """Return the kind of model that files called ``names`` are, and which of them it loads.

    ``role`` and ``engine`` narrow the choice when the user named them.

    Raises:
        Misused: no kind fits, or several files could be meant.

    """
    asked = [k for k in KINDS if engine in {"", k.engine} and role in {"", str(k.role)}]
    if not asked:
        known = ", ".join(f"{kind.role}/{kind.engine}" for kind in KINDS)
        raise Misused(f"There is no engine {role}/{engine}.", hint=f"one of {known}")
    for kind in asked:
        chosen = [_matching(patterns, names) for patterns in kind.needs]
        if not all(chosen):
            continue
        for candidates in chosen:
            _check_one_model(candidates, where)
        along = [name for name in names if any(fnmatch(name, p) for p in kind.takes)]
        return kind, [*(name for candidates in chosen for name in candidates), *along]
    wanted = " or ".join(f"{kind.engine}: {_needs(kind)}" for kind in asked)
    raise Misused(f"{where} has not the files of a model.", hint=f"files for {wanted}")


def _check_one_model(candidates: Sequence[str], where: str) -> None:
    """Raise ``Misused`` unless ``candidates`` are one file, or all parts of one."""
    parts = [part for name in candidates if (part := _PART.fullmatch(name))]
    if parts and len(parts) == len(candidates) and len({part["whole"] for part in parts}) == 1:
        count = int(parts[0]["count"])
        if len(parts) != count:
            raise Misused(
                f"{where} has {len(parts)} of the {count} parts of a model.",
                hint="the folder that has them all",
            )
    elif len(candidates) > 1:
        raise Misused(
            f"Several files of {where} could be meant: {', '.join(candidates)}.",
            hint="name one of them",
        )


def _matching(patterns: Iterable[str], names: Sequence[str]) -> list[str]:
    for pattern in patterns:
        if found := [name for name in names if fnmatch(name, pattern)]:
            return found
    return []


def _needs(kind: Kind) -> str:
    return ", ".join(patterns[-1] for patterns in kind.needs)
