"""One file over HTTP, resumed where an earlier attempt stopped."""

from __future__ import annotations

import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from edgevoice.errors import DownloadFailed
from edgevoice.runtime.bundles.integrity import CHUNK_BYTES

TIMEOUT_S = 30.0
"""Without a byte for this long, a connection is given up."""

ATTEMPTS = 4
"""Connections in a row that bring nothing before the download is given up."""

PAUSE_S = 1.0
"""Before the second connection; doubled before each further one."""

RETRY = "the same command again: it goes on where it stopped"


class Refused(DownloadFailed):
    """The server is there, but does not serve this client: credentials or certificates."""


class _Broken(Exception):
    """A connection brought less than it should have; another one may bring the rest."""


def download(
    url: str,
    target: Path,
    size_bytes: int,
    advance: Callable[[int], None],
    headers: Mapping[str, str] | None = None,
) -> None:
    """Bring ``url`` to ``target``, which is ``size_bytes`` long in the end.

    Bytes that ``target`` has already are kept when the server can go on from there; when
    it cannot, ``advance`` is told a negative number. A connection that breaks is made
    again, as long as not ``ATTEMPTS`` in a row bring nothing.

    Raises:
        Refused: the server wants credentials, or shows a certificate that is not trusted.
        DownloadFailed: the server has no such file, or could not be reached.
        OSError: ``target`` could not be written.

    """
    done = _length(target)
    fruitless = 0
    while done != size_bytes:
        problem = "the connection ended early"
        try:
            _receive(url, target, size_bytes, advance, headers or {})
        except _Broken as error:
            problem = str(error)
        before, done = done, _length(target)
        fruitless = fruitless + 1 if done <= before else 0
        if fruitless == ATTEMPTS:
            raise DownloadFailed(f"{_host(url)} could not be reached: {problem}.", hint=RETRY)
        if fruitless:
            time.sleep(PAUSE_S * 2 ** (fruitless - 1))


def _receive(
    url: str,
    target: Path,
    size_bytes: int,
    advance: Callable[[int], None],
    headers: Mapping[str, str],
) -> None:
    """Append to ``target`` what one connection brings."""
    done = _length(target)
    if done > size_bytes:
        done = _start_over(target, done, advance)
    wanted = {"Accept-Encoding": "identity", **headers}
    if done:
        wanted["Range"] = f"bytes={done}-"
    with _open(url, target, wanted, advance) as answer:
        start, total = _extent(answer)
        if total is not None and total != size_bytes:
            raise DownloadFailed(
                f"{_host(url)} has another file under this name: it should have "
                f"{size_bytes:,} bytes and has {total:,}."
            )
        if start != done:
            done = _start_over(target, done, advance)
            if start:
                raise _Broken("the server sent another part than the one asked for")
        with target.open("ab") as stream:
            while done < size_bytes and (chunk := _read(answer, size_bytes - done)):
                stream.write(chunk)
                done += len(chunk)
                advance(len(chunk))


def _open(
    url: str, target: Path, headers: Mapping[str, str], advance: Callable[[int], None]
) -> http.client.HTTPResponse:
    # file:// is wanted as well: pip's index may be a folder.
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - see above
    try:
        answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310 - see above
    except urllib.error.HTTPError as error:
        error.close()
        problem = f"{_host(url)} answered {error.code} {error.reason} for {_file(url)}"
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            _start_over(target, _length(target), advance)
            raise _Broken(problem) from error
        if error.code in {401, 403, 407}:
            raise Refused(f"{problem}.") from error
        if error.code in {408, 429} or error.code >= 500:
            raise _Broken(problem) from error
        raise DownloadFailed(f"{problem}.") from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise Refused(f"{_host(url)}: {error.reason}.") from error
        raise _Broken(str(error.reason)) from error
    except (http.client.HTTPException, OSError) as error:
        raise _Broken(str(error) or type(error).__name__) from error
    return answer


def _read(answer: http.client.HTTPResponse, most: int) -> bytes:
    """Read what has come, without waiting for a whole chunk: it may be long in coming.

    What goes wrong here is the network's fault, never the disk's.
    """
    try:
        return answer.read1(min(CHUNK_BYTES, most))
    except (http.client.HTTPException, OSError) as error:
        raise _Broken(str(error) or type(error).__name__) from error


def _extent(answer: http.client.HTTPResponse) -> tuple[int, int | None]:
    """Return where in the file ``answer`` begins, and the file's length if it is told."""
    part = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    if part:
        return int(part[1]), int(part[2])
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _start_over(target: Path, done: int, advance: Callable[[int], None]) -> int:
    target.unlink(missing_ok=True)
    advance(-done)
    return 0


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _host(url: str) -> str:
    """Return the host, without the credentials that a URL may carry."""
    return urlsplit(url).hostname or "this machine"


def _file(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]
