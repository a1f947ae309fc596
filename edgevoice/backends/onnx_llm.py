"""Chat models as the ONNX graph that Hugging Face's optimum writes, through ONNX Runtime.

For models that exist in this form alone: llama.cpp is several times as fast, and its weights
are smaller. Always the likeliest token is taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2.sandbox import ImmutableSandboxedEnvironment
from numpy.typing import NDArray
from tokenizers import Tokenizer

from edgevoice.backends.gguf_text import ReplyText
from edgevoice.backends.model_files import find
from edgevoice.backends.onnx_session import open_session
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.core.history import Message
from edgevoice.errors import BackendFailed, ModelDamaged, ModelError

PIECE_TOKENS = 64
"""Tokens of a prompt that are evaluated between two looks at the scope."""

Floats = NDArray[np.float32]


def need_mb(bundle: Bundle) -> float:
    """Return the resident memory in MB that ``load`` will take."""
    return bundle.memory_mb or 150 + 1.5 * bundle.size_mb


def load(bundle: Bundle, *, threads: int = 1, context_tokens: int = 2048) -> OnnxLlm:
    """Load a model; ``context_tokens`` is brought down to what it was trained for.

    Raises:
        ModelError: a file is absent or damaged, or it is no chat model.

    """
    session = open_session(
        find(bundle, "model.onnx"), threads=threads, inputs=["input_ids", "attention_mask"]
    )
    config = _json(find(bundle, "config.json"))
    try:
        tokenizer = Tokenizer.from_file(str(find(bundle, "tokenizer.json")))
    except Exception as error:
        raise ModelDamaged(f"{bundle.name}: tokenizer.json cannot be read: {error}") from error
    settings = _json(find(bundle, "tokenizer_config.json"))
    trained = int(config.get("max_position_embeddings", context_tokens))
    return OnnxLlm(session, tokenizer, settings, _ends(config), min(context_tokens, trained))


class OnnxLlm:
    """Fulfils ``Llm``. Of each prompt only what is new is evaluated."""

    def __init__(
        self,
        session: Any,
        tokenizer: Tokenizer,
        settings: dict[str, Any],
        ends: set[int],
        context_tokens: int,
    ) -> None:
        """Compile the chat template in ``settings``, a tokenizer_config.json."""
        if not isinstance(source := settings.get("chat_template"), str):
            raise ModelError("The model has no chat template: it is not made for talking.")
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        self._template = environment.from_string(source)
        self._marks = {name: _mark(settings.get(name)) for name in ("bos_token", "eos_token")}
        self.session, self.tokenizer = session, tokenizer
        self.end: int | None = tokenizer.token_to_id(self._marks["eos_token"])
        self._ends: set[int | None] = {*ends, self.end}
        self._outputs = [output.name for output in session.get_outputs()]
        inputs = {given.name: given.shape for given in session.get_inputs()}
        self._takes_positions = "position_ids" in inputs
        self._cache: dict[str, Floats] = {
            name: np.zeros((1, shape[1], 0, shape[3]), np.float32)
            for name, shape in inputs.items()
            if name.startswith("past_key_values")
        }
        self._cached: list[int] = []
        self.context_tokens = context_tokens

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Return how many tokens ``messages`` are as a prompt."""
        return len(self.tokens(messages))

    def prefill(self, messages: Sequence[Message], scope: CancelScope) -> int:
        """Bring all but the open end of a prompt into the cache; see ``Llm.prefill``."""
        scope.check()
        *before, last = messages
        closed = self.tokens([*before, Message(last.role, last.text + "\n?")])
        tokens = _common(self.tokens(messages), closed)
        new = len(tokens) - len(_common(tokens, self._cached))
        if new > 0:
            self._evaluate(tokens, scope)
        return max(0, new)

    def reply(
        self, messages: Sequence[Message], max_tokens: int, scope: CancelScope
    ) -> Iterator[str]:
        """Yield the assistant's reply to ``messages``, piece by piece as it is decoded.

        Raises:
            Cancelled: ``scope`` was cancelled; pieces already yielded stay valid.
            BackendFailed: the native library reported an error.

        """
        scope.check()
        tokens = self.tokens(messages)
        text, said, given = ReplyText(), list[int](), b""
        for _ in range(min(max_tokens, self.context_tokens - len(tokens))):
            following = int(self._evaluate([*tokens, *said], scope).argmax())
            if following in self._ends:
                break
            said.append(following)
            whole = self.tokenizer.decode(said).rstrip("\ufffd").encode()
            if piece := text.feed(whole[len(given) :]):
                yield piece
            given = whole
        if rest := text.flush():
            yield rest

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        """Return the prompt that the assistant's reply to ``messages`` continues.

        Raises:
            BackendFailed: the model's chat template does not work.

        """
        written = [{"role": message.role, "content": message.text} for message in messages]
        try:
            prompt = self._template.render(
                messages=written, add_generation_prompt=True, **self._marks
            )
        except Exception as error:
            raise BackendFailed(f"The model's chat template does not work: {error}") from error
        return list(self.tokenizer.encode(prompt, add_special_tokens=False).ids)

    def _evaluate(self, tokens: list[int], scope: CancelScope) -> Floats:
        """Return the logits after ``tokens``, evaluating those that are not in the cache."""
        kept = min(len(_common(tokens, self._cached)), len(tokens) - 1)
        self._cached = self._cached[:kept]
        self._cache = {name: each[:, :, :kept] for name, each in self._cache.items()}
        logits = np.empty(0, np.float32)
        for start in range(kept, len(tokens), PIECE_TOKENS):
            scope.check()
            logits = self._step(tokens[start : start + PIECE_TOKENS])
        return logits

    def _step(self, piece: list[int]) -> Floats:
        start, end = len(self._cached), len(self._cached) + len(piece)
        feeds = {
            "input_ids": np.array([piece], np.int64),
            "attention_mask": np.ones((1, end), np.int64),
            **self._cache,
        }
        if self._takes_positions:
            feeds["position_ids"] = np.arange(start, end)[None]
        try:
            found = self.session.run(None, feeds)
        except Exception as error:
            raise BackendFailed(f"ONNX Runtime failed: {error}") from error
        given = dict(zip(self._outputs, found, strict=True))
        self._cache = {
            name: given[name.replace("past_key_values", "present")] for name in self._cache
        }
        self._cached += piece
        return np.asarray(given["logits"][0, -1], np.float32)


def _common(tokens: Sequence[int], others: Sequence[int]) -> list[int]:
    """Return the beginning that both have."""
    pairs = enumerate(zip(tokens, others, strict=False))
    length = next((at for at, (a, b) in pairs if a != b), min(len(tokens), len(others)))
    return list(tokens[:length])


def _ends(config: dict[str, Any]) -> set[int]:
    ends = config.get("eos_token_id")
    return {int(end) for end in (ends if isinstance(ends, list) else [ends]) if end is not None}


def _mark(told: object) -> str:
    """Return a special token, which is written as it is or as a table around it."""
    return str(told.get("content", "")) if isinstance(told, dict) else str(told or "")


def _json(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_text("utf-8"))
        content.keys()
    except (OSError, ValueError, AttributeError) as error:
        raise ModelDamaged(f"{file} cannot be read: {error}") from error
    return content
