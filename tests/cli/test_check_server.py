"""The check of a language model server."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from edgevoice.cli.checks import server
from edgevoice.cli.checks.finding import Grade
from edgevoice.core.settings import LlmSettings


class Ollama(BaseHTTPRequestHandler):
    """Answers as a server does that has one model."""

    status: ClassVar[int] = 200
    body: ClassVar[bytes] = b'{"object": "list", "data": [{"id": "llama3.2:latest"}]}'
    paths: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Ollama.paths.clear()
    with HTTPServer(("127.0.0.1", 0), Ollama) as http:
        thread = Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/v1"
        http.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("model", "grade"),
    [("llama3.2", "ok"), ("llama3.2:latest", "ok"), ("llama3", "problem"), ("", "problem")],
)
def test_a_server_is_asked_for_its_models(address: str, model: str, grade: str) -> None:
    (found,) = server.check(LlmSettings(url=address, model=model))
    assert found.grade == grade
    assert found.hint == ("" if grade == "ok" else "--set llm.model=llama3.2:latest")
    assert Ollama.paths == ["/v1/models"]


@pytest.mark.parametrize(
    ("status", "body", "grade"),
    [(404, b"", "warning"), (200, b"<html>", "ok"), (200, b'{"data": 3}', "ok")],
)
def test_a_server_that_does_not_list_its_models_may_do(
    address: str, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, grade: str
) -> None:
    monkeypatch.setattr(Ollama, "status", status)
    monkeypatch.setattr(Ollama, "body", body)
    (found,) = server.check(LlmSettings(url=address, model="llama3"))
    assert found.grade == grade


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1 does not answer: "),
        ("http://127.0.0.1:99999/v1", "http://127.0.0.1:99999/v1 names no server: "),
        ("http://", "http:// names no server"),
        ("http://8.8.8.8/v1", "8.8.8.8 (8.8.8.8) is outside the local network."),
    ],
)
def test_a_server_that_is_not_there(url: str, said: str) -> None:
    (found,) = server.check(LlmSettings(url=url, model="llama3"))
    assert found.grade is Grade.PROBLEM
    assert found.said.startswith(said)


def test_without_a_server_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", None)
    assert server.check(LlmSettings()) == []
