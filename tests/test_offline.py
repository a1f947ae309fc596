"""Nothing leaves the device: a whole turn where there is no network, watched by strace."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgevoice.runtime.bundles.store import Store
from edgevoice.runtime.wav import read_wav

pytestmark = [pytest.mark.models, pytest.mark.network_namespace]

INTERNET = re.compile(r"AF_INET6?\b|AF_NETLINK|AF_PACKET")


def alone(*command: str) -> list[str]:
    """``command`` in a network namespace in which not even loopback is up."""
    as_root = [] if os.geteuid() == 0 else ["--map-root-user", "--user"]
    return ["unshare", *as_root, "--net", *command]


def traced(log: Path, *command: str) -> list[str]:
    """``command`` with every system call that concerns sockets written to ``log``."""
    return ["strace", "--follow-forks", "--trace=%network", "--output", str(log), *command]


def test_a_turn_from_sound_to_sound_without_a_network(tmp_path: Path, store: Store) -> None:
    log, reply, home = tmp_path / "strace.log", tmp_path / "reply.wav", tmp_path / "home"
    home.mkdir()
    # A library that reports to its makers is silent where CI is set: let it speak up.
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    done = subprocess.run(
        alone(
            *traced(log, sys.executable, "-m", "edgevoice", "talk", "--plain"),
            *("--input", "tests/data/who-sent-it.wav", "--output", str(reply)),
            *("--models", str(store.root)),
        ),
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    assert "afraid I don't know who sent this message" in done.stdout
    audio, _ = read_wav(reply)
    assert np.abs(audio).max() > 0.05
    assert [line for line in log.read_text().splitlines() if INTERNET.search(line)] == []
    left = [path.name for path in home.rglob("*") if path.is_file()]
    assert left == ["smollm2-135m.prefix"], "something was left in the user's home"


def test_strace_would_have_seen_it(tmp_path: Path) -> None:
    log = tmp_path / "strace.log"
    call = "import socket; socket.socket().connect_ex(('192.0.2.1', 80))"
    subprocess.run(alone(*traced(log, sys.executable, "-c", call)), check=True, timeout=60)
    assert INTERNET.search(log.read_text())
