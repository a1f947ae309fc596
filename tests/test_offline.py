"""Nothing leaves the device: a whole turn where there is no network, watched by strace."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

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


def test_a_turn_from_sound_to_sound_without_a_network(tmp_path: Path) -> None:
    log, reply = tmp_path / "strace.log", tmp_path / "reply.wav"
    done = subprocess.run(
        alone(
            *traced(log, sys.executable, "-m", "edgevoice", "talk", "--plain", "--fast"),
            *("--input", "tests/data/who-sent-it.wav", "--output", str(reply)),
        ),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    assert "afraid I don't know who sent this message" in done.stdout
    audio, _ = read_wav(reply)
    assert np.abs(audio).max() > 0.05
    tried = [line for line in log.read_text().splitlines() if INTERNET.search(line)]
    assert tried == []


def test_strace_would_have_seen_it(tmp_path: Path) -> None:
    log = tmp_path / "strace.log"
    call = "import socket; socket.socket().connect_ex(('192.0.2.1', 80))"
    subprocess.run(alone(*traced(log, sys.executable, "-c", call)), check=True, timeout=60)
    assert INTERNET.search(log.read_text())
