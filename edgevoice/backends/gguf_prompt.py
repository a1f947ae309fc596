"""Makes prompts of messages with the chat template that the model brings along."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from edgevoice.backends.gguf_native import NativeModel
from edgevoice.core.history import Message
from edgevoice.errors import BackendFailed, ModelError

_MARK = "\ue000"
"""Stands for text in a rendered template, to find the place again. Private use: nobody says it."""


REMEMBERED = 512
"""Messages whose tokens are kept: a talk is rendered whole several times a turn."""


class Prompts:
    """Renders and tokenizes the prompts of one model."""

    def __init__(self, model: NativeModel, opening: Sequence[Message] = ()) -> None:
        """Compile the template. Each talk begins with ``opening``, behind the system's words.

        Raises:
            ModelError: there is no template, or it does not work.

        """
        self._model = model
        self._opening = opening
        source = model.template()
        if not source:
            raise ModelError("The model has no chat template: it is not made for talking.")
        self._plain = lru_cache(REMEMBERED)(self._without_markup)
        self._fragment = lru_cache(REMEMBERED)(self._fragment_tokens)
        self._bos, eos = model.markup(model.bos), model.markup(model.eos)
        self._takes_system = True
        try:
            self._formatter = Jinja2ChatFormatter(source, eos_token=eos, bos_token=self._bos)
            self.stops = [eos, *self._marks_between(eos)]
        except Exception as error:
            raise ModelError(f"The model's chat template does not work: {error}") from error
        self._end = next((stop for stop in self.stops if self._is_control(stop)), "")
        try:
            self._render([Message("system", "s"), Message("user", "u")])
        except BackendFailed:
            self._takes_system = False

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        """Return the prompt that the assistant's reply to ``messages`` continues."""
        return self._tokenize(self._render(messages))

    def open_tokens(self, messages: Sequence[Message]) -> list[int]:
        """Return the part of a prompt that stays when the last message grows.

        It ends before the last word, unless white space says that the word is whole. After the
        system's or the assistant's message a user's is expected.
        """
        *before, last = _with_user_last(messages)
        whole = last.text.removesuffix(_open_word(last.text))
        prompt = self._render([*before, Message("user", whole + _MARK)])
        return self._tokenize(prompt[: prompt.rfind(_MARK)].rstrip(" "))

    def _tokenize(self, prompt: str) -> list[int]:
        tokens: list[int] = []
        if self._model.adds_bos:
            tokens.append(self._model.bos)
            prompt = prompt.removeprefix(self._bos)  # many templates write it, and once is enough
        # No token reaches over markup, so a talk is tokenized message by message as it grows.
        while prompt:
            message, end, prompt = prompt.partition(self._end) if self._end else (prompt, "", "")
            tokens += self._fragment(message + end)
        return tokens

    def _fragment_tokens(self, text: str) -> tuple[int, ...]:
        return tuple(self._model.tokenize(text, markup=True))

    def _is_control(self, text: str) -> bool:
        tokens = self._model.tokenize(text, markup=True)
        return len(tokens) == 1 and self._model.is_control(tokens[0])

    def _render(self, messages: Sequence[Message]) -> str:
        messages = _with_opening(messages, self._opening)
        if not self._takes_system:
            messages = _without_system(messages)
        try:
            return self._format([Message(m.role, self._plain(m.text)) for m in messages])
        except Exception as error:
            raise BackendFailed(f"The model's chat template refuses the talk: {error}") from error

    def _format(self, messages: Sequence[Message]) -> str:
        chat: list[Any] = [{"role": m.role, "content": m.text} for m in messages]
        # Models that can think aloud are told not to; other templates ignore the word.
        return self._formatter(messages=chat, enable_thinking=False).prompt

    def _without_markup(self, text: str) -> str:
        """Return ``text`` without markup, so that nobody can say or type a message's end."""
        model = self._model
        while any(map(model.is_control, tokens := model.tokenize(text, markup=True))):
            kept = b"".join(model.piece(t) for t in tokens if not model.is_control(t))
            text = kept.decode("utf-8", "replace")
        return text

    def _marks_between(self, eos: str) -> list[str]:
        """Return what stands between a reply's end and the next question, line by line.

        A reply must end there even where the model spells it letter by letter.
        """
        talk = [Message("user", "u"), Message("assistant", _MARK), Message("user", _MARK)]
        between = self._format(talk).split(_MARK)[1].replace(eos, "\n")
        return [line.strip() for line in between.splitlines() if line.strip()]


def _with_user_last(messages: Sequence[Message]) -> Sequence[Message]:
    if messages and messages[-1].role == "user":
        return messages
    return [*messages, Message("user", "")]


def _open_word(text: str) -> str:
    """Return the word at the end of ``text``, which more letters may follow."""
    return "" if not text or text[-1].isspace() else text.split()[-1]


def _with_opening(messages: Sequence[Message], opening: Sequence[Message]) -> list[Message]:
    system = [m for m in messages if m.role == "system"]
    return [*system, *opening, *(m for m in messages if m.role != "system")]


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """Put the system's words before the first message, for templates that know no system."""
    system = "\n".join(m.text for m in messages if m.role == "system")
    first, *rest = [m for m in messages if m.role != "system"]
    return [Message(first.role, f"{system}\n\n{first.text}".lstrip()), *rest]
