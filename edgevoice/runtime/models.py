"""From settings to loaders: which bundle serves which role, checked before anything loads."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import cast

from edgevoice.backends import engines
from edgevoice.backends.mute import Mute
from edgevoice.backends.protocols import Llm, Stt, Tts, TurnEnd, Vad
from edgevoice.core.bundle import Bundle, Role
from edgevoice.core.settings import Settings
from edgevoice.errors import ModelDoesNotFit
from edgevoice.runtime.assistant import Loaders
from edgevoice.runtime.bundles.store import Store
from edgevoice.runtime.machine import memory


def bundles(settings: Settings, store: Store) -> dict[Role, Bundle]:
    """Return the verified bundle of each role that ``settings`` name.

    Raises:
        ModelError: a bundle is absent, damaged, or of another role.

    """
    return {role: store.get(name, role=role) for role, name in settings.bundles().items()}


def check_memory(chosen: dict[Role, Bundle]) -> None:
    """Refuse, before anything is loaded, what this device's memory cannot hold.

    Raises:
        ModelDoesNotFit: the models need more than is free.

    """
    free = memory()
    need_mb = sum(engines.need_mb(bundle) for bundle in chosen.values())
    if free is not None and need_mb > free.free_mb:
        largest = max(chosen.values(), key=engines.need_mb)
        names = ", ".join(bundle.name for bundle in chosen.values())
        raise ModelDoesNotFit(
            names,
            need_mb=need_mb,
            free_mb=free.free_mb,
            smaller=f"close other programs, or a smaller model than {largest.name}",
        )


def loaders(settings: Settings, chosen: dict[Role, Bundle], *, mute: bool = False) -> Loaders:
    """Return how to load each model of ``chosen``; nothing is loaded yet."""
    turn = chosen.get(Role.TURN)
    return Loaders(
        vad=lambda: cast(Vad, engines.load(chosen[Role.VAD])),
        turn_end=(lambda: cast(TurnEnd, engines.load(turn))) if turn else None,
        stt=lambda: cast(Stt, engines.load(chosen[Role.STT], threads=settings.stt.threads or 1)),
        llm=partial(_llm, settings, chosen),
        tts=Mute
        if mute
        else lambda: cast(Tts, engines.load(chosen[Role.TTS], threads=settings.tts.threads or 1)),
    )


def store_of(settings: Settings, folder: Path | None = None) -> Store:
    """Return the store in ``folder``, else where ``settings`` say, else the default one."""
    if folder is None and settings.models.folder:
        folder = Path(settings.models.folder)
    return Store(folder)


def _llm(settings: Settings, chosen: dict[Role, Bundle]) -> Llm:
    if settings.llm.url:
        from edgevoice.backends.openai_server import OpenAiServer

        return OpenAiServer(
            settings.llm.url,
            settings.llm.model,
            context_tokens=settings.llm.context,
            allow_public=settings.llm.allow_public,
        )
    bundle = chosen[Role.LLM]
    threads = settings.llm.threads or 1
    if bundle.engine == "onnx-llm":
        from edgevoice.backends import onnx_llm

        return onnx_llm.load(bundle, threads=threads, context_tokens=settings.llm.context)
    from edgevoice.backends import gguf

    return gguf.load(
        bundle,
        threads=threads,
        context_tokens=settings.llm.context,
        temperature=settings.llm.temperature,
        seed=settings.llm.seed,
    )
