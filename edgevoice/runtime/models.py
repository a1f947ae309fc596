"""From settings to loaders: which bundle serves which role, checked before anything loads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgevoice.backends import engines
from edgevoice.backends.mute import Mute
from edgevoice.backends.protocols import Llm, Wake
from edgevoice.core.bundle import Bundle, Role
from edgevoice.core.plans import REREAD
from edgevoice.core.settings import Settings
from edgevoice.errors import BackendMissing, ModelDoesNotFit
from edgevoice.runtime.assistant import Loaders
from edgevoice.runtime.bundles.store import Store
from edgevoice.runtime.gauge import Gauge, GaugedLlm, GaugedStt, GaugedTts
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


@dataclass(frozen=True, slots=True)
class How:
    """How to load a bundle; 0 and "" leave it to the settings, and to the bundle."""

    threads: int = 0
    context_tokens: int = 0
    kv_type: str = ""


class Shelf:
    """The bundles that may serve in a talk, and how each is loaded with the user's settings.

    ``mute`` takes the voice away; ``gauge`` counts the work of what is loaded.
    """

    def __init__(
        self,
        settings: Settings,
        bundles: Iterable[Bundle],
        *,
        mute: bool = False,
        gauge: Gauge | None = None,
    ) -> None:
        self._settings = settings
        self._bundles = {bundle.name: bundle for bundle in bundles}
        self._mute = mute
        self._gauge = gauge or Gauge()

    def need_mb(self, role: Role, name: str, how: How) -> float:
        """Return the memory in MB that a bundle will take.

        Raises:
            ModelError: its files are absent or damaged.

        """
        if self._is_elsewhere(role):
            return 0.0
        bundle = self._bundles[name]
        if bundle.engine != "gguf":
            return engines.need_mb(bundle)
        from edgevoice.backends import gguf

        return gguf.need_mb(_with_kv(bundle, how), self._context(how))

    def least_mb(self, role: Role, name: str, how: How) -> float:
        """Return the memory in MB that must be free to load a bundle; some may be read again.

        Raises:
            ModelError: its files are absent or damaged.

        """
        need_mb = self.need_mb(role, name, how)
        if need_mb and self._bundles[name].engine == "gguf":
            from edgevoice.backends import gguf

            need_mb -= REREAD * gguf.mapped_mb(self._bundles[name])
        return need_mb

    def load(self, role: Role, name: str, how: How | None = None) -> Any:
        """Return a loaded model: what the Protocol of its role promises.

        Raises:
            ModelError: its files are absent, damaged or unsuitable.
            BackendMissing: the Python package behind its engine is not installed.

        """
        how = how or How()
        settings = self._settings
        if role is Role.LLM:
            threads = settings.llm.threads or how.threads or 1
            return GaugedLlm(self._llm(name, threads, how), name, self._gauge, threads)
        if role is Role.TTS and self._mute:
            return Mute()
        if role is Role.STT:
            threads = settings.stt.threads or how.threads or 1
            return GaugedStt(engines.load(self._bundles[name], threads=threads), name, self._gauge)
        if role is Role.TTS:
            threads = settings.tts.threads or how.threads or 1
            return GaugedTts(engines.load(self._bundles[name], threads=threads), name, self._gauge)
        return engines.load(self._bundles[name])

    def _is_elsewhere(self, role: Role) -> bool:
        server = role is Role.LLM and bool(self._settings.llm.url)
        return server or (role is Role.TTS and self._mute)

    def _context(self, how: How) -> int:
        return how.context_tokens or self._settings.llm.context

    def _llm(self, name: str, threads: int, how: How) -> Llm:
        llm = self._settings.llm
        if llm.url:
            from edgevoice.backends.openai_server import OpenAiServer

            return OpenAiServer(
                llm.url,
                llm.model,
                context_tokens=llm.context,
                allow_public=llm.allow_public,
            )
        bundle = self._bundles[name]
        if bundle.engine == "onnx-llm":
            from edgevoice.backends import onnx_llm

            return onnx_llm.load(bundle, threads=threads, context_tokens=self._context(how))
        from edgevoice.backends import gguf

        return gguf.load(
            _with_kv(bundle, how),
            threads=threads,
            context_tokens=self._context(how),
            temperature=llm.temperature,
            seed=llm.seed,
            prefix_file=_cache_folder() / f"{name}.prefix",
        )


def _cache_folder() -> Path:
    """Return the XDG cache folder's ``edgevoice``; who may only read it does without."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgevoice"


def _with_kv(bundle: Bundle, how: How) -> Bundle:
    return (
        replace(bundle, options={**bundle.options, "kv_type": how.kv_type})
        if how.kv_type
        else bundle
    )


def loaders(
    shelf: Shelf, names: Mapping[Role, str], hows: Mapping[Role, How] | None = None
) -> Loaders:
    """Return how to load each model that is named; nothing is loaded yet."""

    def load(role: Role) -> Callable[[], Any]:
        return lambda: shelf.load(role, names[role], (hows or {}).get(role))

    return Loaders(
        vad=load(Role.VAD),
        turn_end=load(Role.TURN) if Role.TURN in names else None,
        stt=load(Role.STT),
        llm=load(Role.LLM),
        tts=load(Role.TTS),
    )


def wake_word(settings: Settings) -> Wake:
    """Return the model of the wake word.

    Raises:
        ModelError: there is none of that name.
        BackendMissing: the Python package behind it is not installed.

    """
    try:
        from edgevoice.backends import micro_wake
    except ModuleNotFoundError as missing:
        raise BackendMissing(str(missing.name), extra="wake") from missing
    return micro_wake.load(settings.wake.word)


def store_of(settings: Settings, folder: Path | None = None) -> Store:
    """Return the store in ``folder``, else where ``settings`` say, else the default one."""
    if folder is None and settings.models.folder:
        folder = Path(settings.models.folder)
    return Store(folder)
