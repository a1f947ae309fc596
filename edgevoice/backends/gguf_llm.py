"""A chat model on llama.cpp that evaluates of each prompt only what is new in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import llama_cpp

from edgevoice.backends.gguf_cache import TokenCache
from edgevoice.backends.gguf_native import ContextSettings, NativeContext, NativeModel
from edgevoice.backends.gguf_prompt import Prompts
from edgevoice.backends.gguf_sampler import Sampler, Sampling
from edgevoice.backends.gguf_text import ReplyText
from edgevoice.cancel import CancelScope
from edgevoice.core.history import Message
from edgevoice.errors import BackendFailed


class GgufLlm:
    """Fulfils ``Llm``.

    What the cache holds is known token by token: a corrected prompt rewinds it, dropped turns
    leave a hole over which the rest closes up. A cancelled call stops within a node of the
    model's graph, mostly in a millisecond, and the tokens done by then stay.
    """

    def __init__(
        self,
        model: NativeModel,
        settings: ContextSettings,
        sampling: Sampling,
        *,
        opening: Sequence[Message] = (),
        identity: str = "",
        prefix_file: Path | None = None,
    ) -> None:
        """Make the context.

        ``opening`` is a short talk that comes before every other, so that a small model knows
        the tone. ``identity`` names the weights: a cache saved by others is not read.
        ``prefix_file`` keeps the system's words, evaluated, for the next start; no more than those.
        """
        self._model = model
        self._prompts = Prompts(model, opening)
        self._context = NativeContext(model, settings)
        self._cache = TokenCache(self._context, settings.piece_tokens)
        self._sampler = Sampler(sampling, model.vocab)
        self._key = f"{identity} {settings.kv_type} llama_cpp {llama_cpp.__version__}"
        self.context_tokens = self._context.tokens
        self._prefix_file = prefix_file
        if prefix_file:
            self.load_prefix(prefix_file)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Return how many tokens ``messages`` are as a prompt."""
        return len(self._prompts.tokens(messages))

    def prefill(self, messages: Sequence[Message], scope: CancelScope) -> int:
        """Bring the beginning of a prompt into the cache; see ``Llm.prefill``.

        The last word of a user's message is left out, unless white space follows it: it may
        still grow. After the system's or the assistant's message a user's is expected.
        """
        self._cache.obey(scope)
        wanted = self._prompts.open_tokens(messages)
        evaluated = self._cache.begin_with(wanted[: self.context_tokens - 1], scope)
        if evaluated and self._prefix_file and all(m.role == "system" for m in messages):
            with suppress(OSError):  # it only spares time
                self.save_prefix(self._prefix_file)
        return evaluated

    def reply(
        self, messages: Sequence[Message], max_tokens: int, scope: CancelScope
    ) -> Iterator[str]:
        """Yield the reply as it is decoded; see ``Llm.reply``. It ends where the context is full.

        Raises:
            BackendFailed: the messages alone do not fit the context.

        """
        self._cache.obey(scope)
        prompt = self._prompts.tokens(messages)
        room = self.context_tokens - len(prompt)
        if room < 1:
            raise BackendFailed(
                f"The talk is {len(prompt)} tokens long, and {self.context_tokens} fit.",
                hint=f"--set llm.context={2 * self.context_tokens}",
            )
        self._cache.end_with(prompt, scope)
        yield from self._decoded(min(max_tokens, room), scope)

    def set_threads(self, threads: int, prompt_threads: int = 0) -> None:
        """Decode with ``threads`` from now on; read prompts with as many, or ``prompt_threads``."""
        self._context.set_threads(threads, prompt_threads or threads)

    def save_prefix(self, path: Path) -> None:
        """Write what is in the cache to ``path``: after a ``prefill``, that beginning."""
        self._cache.save(path, self._key)

    def load_prefix(self, path: Path) -> int:
        """Bring what ``save_prefix`` wrote into the cache; return how many tokens it holds now.

        A file that is absent, damaged, or of another model changes nothing and gives 0.
        """
        return len(self._cache.tokens) if self._cache.load(path, self._key) else 0

    def _decoded(self, most: int, scope: CancelScope) -> Iterator[str]:
        text = ReplyText(self._prompts.stops)
        self._sampler.start()
        for count in range(1, most + 1):
            token = self._context.sample(self._sampler.pointer)
            if self._model.ends_reply(token):
                break
            if piece := text.feed(self._model.piece(token)):
                yield piece
            if text.stopped or count == most:
                break
            self._cache.append(token, scope)
        if piece := text.flush():
            yield piece
