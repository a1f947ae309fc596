"""A web site on loopback that misbehaves as told: packages, a hub, and what carries them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What one path answers with."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    """The n-th GET is cut off after so many bytes; later ones are whole."""
    hangs_after: int = -1
    """Bytes after which nothing more comes, until the site closes."""
    resumable: bool = True
    password: str = ""
    """The Authorization header that is asked for."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    offset: int
    """Where the range asked for begins; 0 without one."""
    authorization: str


class Site:
    """Pages by path, and what was asked of them."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.url = ""

    def offsets(self, path: str) -> list[int]:
        """Return where each GET of ``path`` began to read."""
        return [r.offset for r in self.requests if r.path == path and r.method == "GET"]

    def package(self, requirement: str, wheel: bytes, page: Page | None = None) -> str:
        """Offer a wheel as a package index does; return the path of its file.

        Its metadata lie beside it, so that pip need not download it to answer.
        """
        name, _, version = requirement.partition("==")
        file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        link = (
            f'<a data-core-metadata="true" href="/files/{file}#sha256={sha256(wheel).hexdigest()}">'
            f"{file}</a>"
        )
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        self.pages[f"/files/{file}.metadata"] = Page(metadata.encode())
        self.pages[f"/simple/{name}/"] = Page(link.encode(), headers={"Content-Type": "text/html"})
        self.pages[f"/files/{file}"] = page or Page(wheel)
        return f"/files/{file}"

    def repository(
        self, repo: str, files: dict[str, bytes], *, storage: str = "", password: str = ""
    ) -> None:
        """Offer a repository as the hub does: files over 100 bytes lie in ``storage``."""
        siblings = []
        for path, body in files.items():
            digest = sha256(body).hexdigest()
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{digest[:40]}"'}
            sibling = {"rfilename": path, "size": len(body), "blobId": digest[:40]}
            page = Page(body, headers=headers, password=password)
            if len(body) > 100:
                page.status, page.body = 302, b""
                headers["Location"] = f"{storage or self.url}/storage/{digest}"
                headers["X-Linked-ETag"], headers["X-Linked-Size"] = f'"{digest}"', str(len(body))
                sibling["lfs"] = {"sha256": digest, "size": len(body), "pointerSize": 130}
                self.pages[f"/storage/{digest}"] = Page(body)
            siblings.append(sibling)
            for revision in ("main", COMMIT):
                self.pages[f"/{repo}/resolve/{revision}/{path}"] = page
        about = {
            "id": repo,
            "modelId": repo,
            "sha": COMMIT,
            "siblings": siblings,
            "cardData": {"license": "mit", "language": ["en", "de"]},
        }
        page = Page(json.dumps(about).encode(), password=password)
        page.headers["Content-Type"] = "application/json"
        self.pages[f"/api/models/{repo}/revision/main"] = page


COMMIT = "c0ffee" + "0" * 34
"""The one commit that every repository here has."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a client leaves in the middle: many here do."""


@contextmanager
def open_site() -> Iterator[Site]:
    """Serve a site from this machine to this machine."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = self.path.partition("?")[0]
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(asked[1]) if asked else 0
            password = self.headers.get("Authorization", "")
            site.requests.append(Request(self.command, path, start, password))
            page = site.pages.get(path, Page(b"nothing here", 404))
            if page.password and password != page.password:
                page = Page(b"who are you", 401, {"WWW-Authenticate": "Basic"})
            self._send(page, start if page.resumable else 0, with_body=with_body)

        def _send(self, page: Page, start: int, *, with_body: bool) -> None:
            if start and start >= len(page.body):
                self.send_error(416)
                return
            self.send_response(206 if start else page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            if start:
                total = len(page.body)
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            body = page.body[start:]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if not with_body:
                return
            if page.hangs_after >= 0:
                self.wfile.write(body[: page.hangs_after])
                self.wfile.flush()
                site.closing.wait()
            else:
                self.wfile.write(body[: page.cuts.pop(0)] if page.cuts else body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
            return

    server = Server(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
