import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from edgevoice.backends import openai_server
from edgevoice.backends.openai_server import OpenAiServer
from edgevoice.cancel import Cancelled, CancelScope
from edgevoice.core.bundle import Bundle, Role
from edgevoice.core.history import Message
from edgevoice.errors import BackendFailed, Misused

TALK = [Message("system", "Be brief."), Message("user", "Hi")]


class Request(BaseHTTPRequestHandler):
    """One request, as the server's script sees it."""

    protocol_version = "HTTP/1.1"
    script: Callable[["Request"], None]

    def do_POST(self) -> None:
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).script(self)

    def do_GET(self) -> None:
        type(self).script(self)

    def log_message(self, *args: object) -> None:
        pass

    def head(self, kind: str, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, kind: str, body: str, status: int = 200, **headers: str) -> None:
        self.head(kind, status, **headers)
        self.wfile.write(body.encode())

    def event(self, text: str | None = None, **choice: Any) -> None:
        delta = {"content": text} if text is not None else {}
        data = json.dumps({"choices": [{"delta": delta, **choice}]})
        self.wfile.write(f"data: {data}\n\n".encode())
        self.wfile.flush()

    def done(self) -> None:
        self.wfile.write(b"data: [DONE]\n\n")


@contextmanager
def serving(script: Callable[[Request], None]) -> Iterator[str]:
    """Serve by ``script`` on a free port of this machine; yield the address."""
    handler = type("Scripted", (Request,), {"script": staticmethod(script)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(url: str, *, model: str = "m", answer_s: float = 5.0, **options: Any) -> list[str]:
    server = OpenAiServer(url, model, 2048, answer_s=answer_s, **options)
    return list(server.reply(TALK, 50, CancelScope()))


def failure(url: str, **options: Any) -> str:
    with pytest.raises(BackendFailed) as raised:
        ask(url, **options)
    return str(raised.value)


def hello(request: Request) -> None:
    request.head("text/event-stream; charset=utf-8")
    request.event(role="assistant")
    for piece in ("Hel", "lo ", "wörld 🙂"):
        request.event(piece)
    request.event(finish_reason="stop")
    request.done()


def test_the_reply_comes_piece_by_piece() -> None:
    with serving(hello) as url:
        assert ask(url) == ["Hel", "lo ", "wörld 🙂"]


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/api/v1"])
def test_the_address_may_end_in_the_version_or_before(path: str) -> None:
    paths = []

    def script(request: Request) -> None:
        paths.append(request.path)
        hello(request)

    with serving(script) as url:
        assert "".join(ask(url + path)) == "Hello wörld 🙂"
    assert paths == [("/api" if "api" in path else "") + "/v1/chat/completions"]


def test_the_request_is_as_every_server_knows_it() -> None:
    seen: list[dict[str, Any]] = []

    def script(request: Request) -> None:
        seen.append(request.body)
        hello(request)

    with serving(script) as url:
        ask(url)
        ask(url, model="")
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    asked = {"messages": messages, "max_tokens": 50, "stream": True}
    assert seen == [{**asked, "model": "m"}, asked]


def test_comments_and_foreign_fields_are_passed_over() -> None:
    def script(request: Request) -> None:
        request.head("text/event-stream")
        request.wfile.write(b": ping\n\nevent: message\nid: 7\nretry: 5\n\n")
        request.wfile.write(b'data:{"choices":[],"usage":{}}\r\n\r\n')
        request.wfile.write(b'data:{"choices":[{"delta":{"content":null}}]}\n\n')
        hello_again = b'data:{"choices":[{"delta":{"content":"\\ud83d?"}}]}\n\n'
        request.wfile.write(hello_again)
        request.done()

    with serving(script) as url:
        assert ask(url) == ["??"]


def test_a_server_that_does_not_stream_is_understood() -> None:
    def script(request: Request) -> None:
        body = json.dumps({"choices": [{"message": {"role": "assistant", "content": "Hello."}}]})
        request.send("application/json", body)

    with serving(script) as url:
        assert ask(url) == ["Hello."]


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert f"Nothing listens at http://127.0.0.1:{port}" in failure(f"http://127.0.0.1:{port}")


def test_an_unknown_model_is_told_with_those_there_are() -> None:
    def script(request: Request) -> None:
        if request.command == "GET":
            assert request.path == "/v1/models"
            request.send("application/json", json.dumps({"data": [{"id": "a"}, {"id": "b"}]}))
        else:
            request.send("application/json", '{"error": {"message": "model not found"}}', 404)

    with serving(script) as url:
        said = failure(url)
    assert "no model 'm'; it has a, b." in said
    assert "--set llm.model=a" in said


@pytest.mark.parametrize(
    ("status", "kind", "body", "headers", "says"),
    [
        (404, "text/plain", "not here", {}, "There is no /v1/chat/completions on http://127"),
        (401, "application/json", "{}", {}, "asks for a key (status 401)"),
        (302, "text/plain", "", {"Location": "http://8.8.8.8/"}, "on to http://8.8.8.8/, and we"),
        (503, "application/json", '{"error": {"message": "Loading model"}}', {}, "Loading model"),
        (500, "text/plain", "oops", {}, "status 500: Internal Server Error"),
        (400, "application/json", '{"error": "too long"}', {}, "status 400: too long"),
        (200, "text/html", "<html>", {}, "answers with text/html"),
        (200, "application/json", "<html>", {}, "no JSON: <html>"),
        (200, "application/json", "[]", {}, "no JSON object"),
        (200, "text/event-stream", "data: nonsense\n\n", {}, "no JSON: nonsense"),
        (200, "text/event-stream", 'data: {"error": "out of memory"}\n', {}, "out of memory"),
        (200, "text/event-stream", "data: " + "x" * (1 << 20), {}, "a line without an end"),
        (200, "text/event-stream", "", {}, "lost in a reply"),
    ],
)
def test_what_is_wrong_is_said(
    status: int, kind: str, body: str, headers: dict[str, str], says: str
) -> None:
    with serving(lambda request: request.send(kind, body, status, **headers)) as url:
        assert says in failure(url)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_connection_lost_in_the_middle(chunked: bool) -> None:
    def script(request: Request) -> None:
        if chunked:
            request.head("text/event-stream", 200, **{"Transfer-Encoding": "chunked"})
            data = b'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\n'
            request.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        else:
            request.head("text/event-stream")
            request.event("Hel")

    with serving(script) as url:
        reply = OpenAiServer(url, "m", 2048).reply(TALK, 50, CancelScope())
        assert next(reply) == "Hel"
        with pytest.raises(BackendFailed, match="lost"):
            next(reply)


def test_a_server_that_never_answers() -> None:
    free = threading.Event()

    def script(request: Request) -> None:
        free.wait(10)

    with serving(script) as url:
        assert "does not answer" in failure(url, answer_s=0.2)
        free.set()


@pytest.mark.parametrize("when", ["before the answer", "in the answer", "between pieces"])
def test_cancelling_closes_the_connection(when: str) -> None:
    scope = CancelScope()
    closed = threading.Event()

    def script(request: Request) -> None:
        if when != "before the answer":
            request.head("text/event-stream")
            request.event("Hel")
        if when != "between pieces":
            threading.Timer(0.05, scope.cancel).start()
        assert request.connection.recv(1) == b""  # the other end has gone
        closed.set()

    with serving(script) as url:
        reply = OpenAiServer(url, "m", 2048).reply(TALK, 50, scope)
        if when != "before the answer":
            assert next(reply) == "Hel"
        if when == "between pieces":
            scope.cancel()
        with pytest.raises(Cancelled):
            next(reply)
        assert closed.wait(5)


def test_a_reply_that_is_not_read_to_its_end_closes_the_connection() -> None:
    closed = threading.Event()

    def script(request: Request) -> None:
        request.head("text/event-stream")
        request.event("Hel")
        assert request.connection.recv(1) == b""
        closed.set()

    with serving(script) as url:
        reply = OpenAiServer(url, "m", 2048).reply(TALK, 50, CancelScope())
        assert next(reply) == "Hel"
        reply.close()  # type: ignore[attr-defined] # it is a generator
        assert closed.wait(5)


def test_a_cancelled_scope_connects_to_nothing() -> None:
    scope = CancelScope()
    scope.cancel()
    with pytest.raises(Cancelled):
        list(OpenAiServer("http://127.0.0.1:9", "m", 2048).reply(TALK, 50, scope))


@pytest.mark.parametrize(
    "url",
    ["http://8.8.8.8", "http://[2001:4860:4860::8888]/v1", "https://1.1.1.1", "http://100.64.0.1"],
)
def test_a_public_address_is_refused(url: str) -> None:
    with pytest.raises(Misused, match="not on the local network"):
        OpenAiServer(url, "m", 2048)
    OpenAiServer(url, "m", 2048, allow_public=True)


def test_a_name_is_refused_when_one_of_its_addresses_is_public(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
        for address in ("192.168.1.4", "8.8.8.8")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(Misused, match=r"box.lan \(8.8.8.8\)"):
        OpenAiServer("http://box.lan", "m", 2048)


def test_a_name_that_has_moved_to_a_public_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = OpenAiServer("http://localhost:1", "m", 2048)
    moved = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 1))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: moved)
    with pytest.raises(Misused, match="not on the local network"):
        list(server.reply(TALK, 50, CancelScope()))


@pytest.mark.parametrize("url", ["", "localhost:11434", "ftp://localhost", "http://", "http://a:b"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(Misused, match="no server's address"):
        OpenAiServer(url, "m", 2048)


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(BackendFailed, match=r"box\.lan is not known"):
        OpenAiServer("http://box.lan", "m", 2048)


def test_a_password_in_the_address_is_not_shown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "secret" not in failure(f"http://me:secret@127.0.0.1:{port}")


def test_tokens_are_estimated_and_nothing_is_prefilled() -> None:
    server = OpenAiServer("http://localhost:1", "m", 2048)
    assert server.count_tokens([Message("user", "abcdef")]) == 7
    assert server.prefill(TALK, CancelScope()) == 0


def test_a_bundle_may_name_the_server() -> None:
    with serving(hello) as url:
        bundle = Bundle("b", Role.LLM, "openai", None, (), "", "", options={"url": url})  # type: ignore[arg-type] # no files
        server = openai_server.load(bundle, context_tokens=512)
        assert server.context_tokens == 512
        assert "".join(server.reply(TALK, 50, CancelScope())) == "Hello wörld 🙂"
    assert openai_server.need_mb(bundle) == 0
