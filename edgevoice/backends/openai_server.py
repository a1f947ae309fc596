"""Chat models on a server of the user's own: Ollama, llama-server, and all that speak as OpenAI's.

The one place of the runtime that opens a connection, and only to the server that the user named.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import urlsplit

from edgevoice.backends import local_network, openai_stream
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.core.history import Message
from edgevoice.errors import BackendFailed, Misused

ANSWER_S = 90.0
"""Longest wait for the next bytes. Ollama reads a model from disk when it is first asked."""

BYTES_PER_TOKEN = 3
TOKENS_PER_MESSAGE = 5
"""Estimates, on the high side: English has four bytes to a token, other languages less."""

LONGEST_LINE = 1 << 20
"""Bytes. An event is a few hundred; a server that sends more without a line's end is none."""

SHOWN_MODELS = 8


def need_mb(bundle: Bundle) -> float:
    """Return 0: the model is in another process, or on another machine."""
    del bundle
    return 0.0


def load(bundle: Bundle, *, threads: int = 1, context_tokens: int = 2048) -> OpenAiServer:
    """Return the server that the options ``url`` and ``model`` of ``bundle`` name."""
    del threads
    return OpenAiServer(bundle.options["url"], bundle.options.get("model", ""), context_tokens)


class OpenAiServer:
    """Fulfils ``Llm``. A connection serves one reply; cancelling ends it, so the server stops."""

    def __init__(
        self,
        url: str,
        model: str,
        context_tokens: int,
        *,
        allow_public: bool = False,
        answer_s: float = ANSWER_S,
    ) -> None:
        """Check the address; nothing is connected yet. ``url`` may end in /v1 or before.

        Raises:
            Misused: ``url`` is not one, or leads off the local network without leave.
            BackendFailed: the host's name is not known.

        """
        parts = urlsplit(url)
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            port = 0
        if parts.scheme not in {"http", "https"} or not parts.hostname or not port:
            raise Misused(f"{url!r} is no server's address.", hint="llm.url=http://localhost:11434")
        self.context_tokens = context_tokens
        self._host, self._port, self._secure = parts.hostname, port, parts.scheme == "https"
        self._base = parts.path.rstrip("/").removesuffix("/v1") + "/v1"
        self._shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._model = model
        self._allow_public = allow_public
        self._answer_s = answer_s
        self._addresses()

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Return an estimate, on the high side: the server's tokenizer is not here."""
        sizes = (len(m.text.encode()) // BYTES_PER_TOKEN + TOKENS_PER_MESSAGE for m in messages)
        return sum(sizes)

    def prefill(self, messages: Sequence[Message], scope: CancelScope) -> int:
        """Return 0: a server keeps its own cache."""
        del messages
        scope.check()
        return 0

    def reply(
        self, messages: Sequence[Message], max_tokens: int, scope: CancelScope
    ) -> Iterator[str]:
        """Yield the reply as it arrives; see ``Llm.reply``."""
        body = {
            "messages": [{"role": m.role, "content": m.text} for m in messages],
            "max_tokens": max_tokens,
            "stream": True,
        }
        if self._model:
            body["model"] = self._model
        try:
            connection = self._ask("POST", "/chat/completions", json.dumps(body), scope)
            try:
                yield from self._pieces(connection.getresponse(), scope)
            finally:
                connection.close()
        except (OSError, HTTPException) as error:
            scope.check()  # what was cut on purpose is no failure
            raise self._failure(error) from error

    def _pieces(self, response: HTTPResponse, scope: CancelScope) -> Iterator[str]:
        kind = response.headers.get_content_type()
        if response.status != 200:
            raise self._refusal(response, scope)
        if kind == "text/event-stream":
            for piece in openai_stream.pieces(self._lines(response, scope)):
                scope.check()
                yield piece
        elif kind == "application/json":
            yield openai_stream.whole(response.read())
        else:
            raise BackendFailed(
                f"{self._shown} answers with {kind}, not as an OpenAI-compatible server does.",
                hint="another port or path in llm.url",
            )

    def _lines(self, response: HTTPResponse, scope: CancelScope) -> Iterator[bytes]:
        while line := response.readline(LONGEST_LINE):
            scope.check()
            if len(line) == LONGEST_LINE:
                raise BackendFailed(f"{self._shown} sends a line without an end.")
            yield line
        scope.check()

    def _ask(self, method: str, path: str, body: str, scope: CancelScope) -> HTTPConnection:
        line = local_network.connect(self._addresses(), scope)
        try:
            if self._secure:
                # A hook of its own: the wrapped socket takes the connection over.
                line = ssl.create_default_context().wrap_socket(line, server_hostname=self._host)
                scope.on_cancel(lambda: local_network.cut(line))
            line.settimeout(self._answer_s)
            connection = HTTPConnection(self._host, self._port)
            connection.sock = line
            headers = {"Content-Type": "application/json", "Connection": "close"}
            connection.request(method, self._base + path, body.encode(), headers)
        except BaseException:
            line.close()
            raise
        return connection

    def _addresses(self) -> list[local_network.Address]:
        # Asked anew for each connection, which goes to an address that was checked.
        return local_network.resolve(self._host, self._port, allow_public=self._allow_public)

    def _refusal(self, response: HTTPResponse, scope: CancelScope) -> BackendFailed:
        status = response.status
        if 300 <= status < 400:
            target = response.headers.get("Location", "elsewhere")
            return BackendFailed(
                f"{self._shown} sends us on to {target}, and we do not follow.",
                hint="the final address in llm.url",
            )
        if status in {401, 403}:
            return BackendFailed(
                f"{self._shown} asks for a key (status {status}).",
                hint="start the server without one",
            )
        if status == 404:
            return self._not_found(scope)
        reason = _error_in(response.read(4096)) or response.reason
        return BackendFailed(f"{self._shown} answers with status {status}: {reason}")

    def _not_found(self, scope: CancelScope) -> BackendFailed:
        models = self._models(scope)
        if models is None:
            return BackendFailed(
                f"There is no {self._base}/chat/completions on {self._shown}.",
                hint="another port or path in llm.url",
            )
        if not models:
            return BackendFailed(f"{self._shown} has no models.", hint="add one on the server")
        there = ", ".join(models[:SHOWN_MODELS])
        return BackendFailed(
            f"{self._shown} has no model {self._model!r}; it has {there}.",
            hint=f"--set llm.model={models[0]}",
        )

    def _models(self, scope: CancelScope) -> list[str] | None:
        """Return the names of the server's models; None when it does not tell."""
        try:
            connection = self._ask("GET", "/models", "", scope)
            try:
                response = connection.getresponse()
                content = openai_stream.parsed(response.read(LONGEST_LINE))
            finally:
                connection.close()
            return [str(model["id"]) for model in content["data"]]
        except (OSError, HTTPException, BackendFailed, KeyError, TypeError):
            scope.check()
            return None

    def _failure(self, error: OSError | HTTPException) -> BackendFailed:
        if isinstance(error, ConnectionRefusedError):
            return BackendFailed(
                f"Nothing listens at {self._shown}.", hint="start the server, or change llm.url"
            )
        if isinstance(error, TimeoutError):
            return BackendFailed(
                f"{self._shown} does not answer.", hint="look whether the server is busy or asleep"
            )
        if isinstance(error, ssl.SSLError):
            return BackendFailed(f"No secure connection to {self._shown}: {error.reason}.")
        return BackendFailed(f"The connection to {self._shown} was lost: {error or 'it closed'}.")


def _error_in(body: bytes) -> str:
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    return openai_stream.error_text(content.get("error", content) if content else "")
