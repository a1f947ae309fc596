"""Reads the events of a streamed chat completion, as OpenAI's servers and their kin send them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from edgevoice.errors import BackendFailed


def pieces(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the reply's text from the lines of a ``text/event-stream``.

    Raises:
        BackendFailed: the server reports an error, sends something else, or stops in the
            middle.

    """
    finished = False
    for line in lines:
        data = line.strip().removeprefix(b"data:").strip()
        if data == line.strip():  # a comment, an empty line, or a field that means nothing here
            continue
        if data == b"[DONE]":
            return
        chunk = parsed(data)
        for choice in chunk.get("choices") or []:
            finished = finished or bool(choice.get("finish_reason"))
            if text := text_of(choice.get("delta") or {}):
                yield text
    if not finished:
        raise BackendFailed("The connection to the language model's server was lost in a reply.")


def whole(body: bytes) -> str:
    """Return the text of a completion that was sent in one piece."""
    choices = parsed(body).get("choices") or [{}]
    return text_of(choices[0].get("message") or {})


def parsed(data: bytes) -> dict[str, Any]:
    """Return a JSON object that reports no error."""
    try:
        content = json.loads(data)
    except ValueError as error:
        raise BackendFailed(f"The language model's server sent no JSON: {_shown(data)}") from error
    if not isinstance(content, dict):
        raise BackendFailed(f"The language model's server sent no JSON object: {_shown(data)}")
    if reported := content.get("error"):
        raise BackendFailed(f"The language model's server reports: {error_text(reported)}")
    return content


def error_text(error: object) -> str:
    """Return the message in an error object, of which every server has its own form."""
    if isinstance(error, dict):
        error = error.get("message") or error
    return str(error)[:300]


def text_of(message: dict[str, Any]) -> str:
    """Return what is to be said of a message, without half characters."""
    content = message.get("content")
    return content.encode("utf-8", "replace").decode() if isinstance(content, str) else ""


def _shown(data: bytes) -> str:
    return data[:80].decode("utf-8", "replace")
