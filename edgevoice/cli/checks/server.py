"""The language model server that the settings name, the one thing that is asked over a network."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from edgevoice.cli.checks.finding import Finding, ok, problem, warning
from edgevoice.core.settings import LlmSettings

AREA = "llm server"
TIMEOUT_S = 3.0
LONGEST_ANSWER = 1_000_000


def check(llm: LlmSettings) -> list[Finding]:
    """Ask the server for its models. Without a server in the settings, nothing is asked."""
    if not llm.url:
        return []
    url = urlsplit(llm.url)
    try:
        host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
        addresses = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port)}
    except (OSError, ValueError) as error:
        return [problem(AREA, f"{llm.url} names no server: {error}.", "--set llm.url=URL")]
    public = [address for address in sorted(addresses) if not _is_local(address)]
    if public and not llm.allow_public:
        return [
            problem(
                AREA,
                f"{host} ({public[0]}) is outside the local network.",
                "--set llm.allow_public=true, if what is said may go there",
            )
        ]
    try:
        status, body = _get(url.scheme, host, port, f"{url.path.rstrip('/')}/models")
    except (OSError, http.client.HTTPException) as error:
        return [
            problem(
                AREA, f"{llm.url} does not answer: {error or type(error).__name__}.", "start it"
            )
        ]
    if status != 200:
        return [warning(AREA, f"{llm.url} answers, and does not list its models (HTTP {status}).")]
    return [_model(llm, _names(body))]


def _is_local(address: str) -> bool:
    ip = ip_address(address.partition("%")[0])
    return ip.is_loopback or ip.is_private or ip.is_link_local


def _get(scheme: str, host: str, port: int, path: str) -> tuple[int, bytes]:
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    connection = kind(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(LONGEST_ANSWER)
    finally:
        connection.close()


def _names(body: bytes) -> list[str]:
    try:
        return [str(model["id"]) for model in json.loads(body)["data"]]
    except (ValueError, LookupError, TypeError):
        return []


def _model(llm: LlmSettings, names: Sequence[str]) -> Finding:
    first = f"--set llm.model={names[0]}" if names else ""
    if not llm.model:
        return problem(AREA, f"{llm.url} answers; which model of it is not set.", first)
    # Ollama calls its models NAME:TAG and takes NAME for NAME:latest.
    if names and llm.model not in {*names, *(name.removesuffix(":latest") for name in names)}:
        listed = ", ".join(names[:8])
        return problem(AREA, f"{llm.url} has no model {llm.model}, but {listed}.", first)
    return ok(AREA, f"{llm.model} at {llm.url}")
