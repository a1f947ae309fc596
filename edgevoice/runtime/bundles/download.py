"""One file over HTTP, resumed where an earlier attempt stopped."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from edgevoice.errors import DownloadFailed
from edgevoice.runtime.bundles.integrity import CHUNK_BYTES
from edgevoice.runtime.bundles.progress import Progress

TIMEOUT_S = 30.0
"""Without a byte for this long, a connection is given up."""

ATTEMPTS = 4
"""Connections in a row that bring nothing before the download is given up."""

PAUSE_S = 1.0
"""Before the second connection; doubled before each further one."""

RETRY = "the same command again: it goes on where it stopped"


def download(url: str, target: Path, size_bytes: int, progress: Progress) -> None:
    """Bring ``url`` to ``target``, which must be ``size_bytes`` long in the end.

    Bytes that ``target`` has already are kept when the server can go on from there. A
    connection that breaks is made again, as long as each one brings something.

    Raises:
        DownloadFailed: the server refused, or could not be reached.

    """
    done = _length(target)
    if done > size_bytes:
        target.unlink()
        done = 0
    progress.begin(target.name, size_bytes, done)
    fruitless = 0
    while done < size_bytes:
        try:
            _receive(url, target, size_bytes, progress)
            problem = "the connection ended early"
        except urllib.error.HTTPError as error:
            problem = f"the server answered {error.code} {error.reason}"
            if error.code < 500 and error.code not in {408, 429}:
                raise DownloadFailed(f"{_host(url)}: {problem}.", hint=RETRY) from error
        except urllib.error.URLError as error:
            problem = str(error.reason)
        except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
            problem = str(error) or type(error).__name__
        before, done = done, _length(target)
        fruitless = fruitless + 1 if done <= before else 0
        if fruitless == ATTEMPTS:
            raise DownloadFailed(
                f"{target.name} could not be had from {_host(url)}: {problem}.", hint=RETRY
            )
        if fruitless:
            time.sleep(PAUSE_S * 2 ** (fruitless - 1))


def _receive(url: str, target: Path, size_bytes: int, progress: Progress) -> None:
    """Append what one connection brings; start over when the server cannot go on."""
    done = _length(target)
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})  # noqa: S310 - file:// is wanted: a find-links folder is a registry too
    if done:
        request.add_header("Range", f"bytes={done}-")
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
        goes_on = answer.headers.get("Content-Range", "") == (
            f"bytes {done}-{size_bytes - 1}/{size_bytes}"
        )
        if done and not goes_on:
            progress.begin(target.name, size_bytes)
        with target.open("ab" if goes_on else "wb") as stream:
            while chunk := answer.read(CHUNK_BYTES):
                stream.write(chunk)
                progress.advance(len(chunk))


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _host(url: str) -> str:
    return urlsplit(url).hostname or url
