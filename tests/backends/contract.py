"""The bundles that keep the contract, and what is done to them in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.rebuild_whisper import rebuild
from edgevoice.backends import engines
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle, Role
from edgevoice.core.history import Message
from edgevoice.errors import EdgeVoiceError
from edgevoice_export.checkpoint import open_checkpoint
from edgevoice_export.lines import Lines
from edgevoice_export.recipes.whisper_sherpa import WhisperSherpa
from tests.recordings import clip

BUNDLES = {
    Role.VAD: ["silero-vad"],
    Role.TURN: ["smart-turn-v3"],
    Role.STT: ["moonshine-tiny-en", "whisper-tiny-en", "whisper-tiny-en-onnx"],
    Role.LLM: ["smollm2-135m"],
    Role.TTS: ["hibari-heart", "piper-joe"],
}

QUESTION = [Message("user", "What is the capital of France?")]

DAMAGES: dict[str, Callable[[int], bytes | None]] = {
    "absent": lambda size: None,
    "empty": lambda size: b"",
    "noise": lambda size: np.random.default_rng(0).bytes(min(size, 1_000_000)),
}


def build_whisper_onnx(tiny: Bundle, folder: Path) -> Bundle:
    """Return the weights of ``tiny``, made for CTranslate2, as a bundle for sherpa-onnx."""
    rebuild(tiny.folder, folder / "checkpoint")
    output = folder / "whisper-tiny-en-onnx"
    output.mkdir()
    source = open_checkpoint(folder / "checkpoint")
    product = WhisperSherpa().build(source, output, Lines())
    bundle = product.bundle(output.name, output, tiny.licence, tiny.source)
    return replace(bundle, folder=output)


def use(role: Role, model: Any) -> object:
    """Let ``model`` do once what its role is there for."""
    match role:
        case Role.VAD:
            return model.probability(np.zeros(model.frame_samples, np.float32))
        case Role.TURN:
            return model.probability(clip("weasels"))
        case Role.STT:
            return model.transcribe(np.tile(clip("weasels"), 5), CancelScope())
        case Role.LLM:
            return list(model.reply(QUESTION, 4, CancelScope()))
        case Role.TTS:
            return list(model.synthesize("Good morning.", CancelScope()))
        case _:
            raise AssertionError(role)


@contextmanager
def child() -> Iterator[ProcessPoolExecutor]:
    """A process of its own; what is submitted after it died raises ``BrokenProcessPool``."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        yield executor


def resident_mb(bundle: Bundle) -> float:
    """Return by how much loading and using ``bundle`` makes this process grow."""
    before = psutil.Process().memory_info().rss
    model = engines.load(bundle)
    use(bundle.role, model)
    return float(psutil.Process().memory_info().rss - before) / 1e6


def outcomes_of_damage(bundle: Bundle, folder: Path) -> dict[str, str]:
    """Damage each file of ``bundle`` in each way; return which error says so."""
    outcomes = {}
    for damaged in bundle.files:
        for damage, content_of in DAMAGES.items():
            copy = folder / f"{damaged.name}-{damage}"
            copy.mkdir()
            for file in bundle.files:
                (copy / file.name).symlink_to(bundle.path(file.name))
            (copy / damaged.name).unlink()
            content = content_of(bundle.path(damaged.name).stat().st_size)
            if content is not None:
                (copy / damaged.name).write_bytes(content)
            try:
                use(bundle.role, engines.load(replace(bundle, folder=copy)))
                outcomes[copy.name] = "it works"
            except EdgeVoiceError as error:
                outcomes[copy.name] = type(error).__name__
    return outcomes
