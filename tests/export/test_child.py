from __future__ import annotations

import json
import stat
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edgevoice.backends.utterance import is_speechless
from edgevoice.core.bundle import Bundle, Role
from edgevoice.errors import ModelError
from edgevoice.runtime.bundles import manifest
from edgevoice_export import child, probe
from edgevoice_export.record import LoadCheck


def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    """Have a shell script stand in for the child's Python."""
    file = tmp_path / "python"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(child, "sys", SimpleNamespace(executable=str(file)))


def test_what_the_child_saw_comes_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = LoadCheck("gguf", memory_mb=12.5, load_s=0.5, run_s=0.1, result="Hello")
    program(
        monkeypatch, tmp_path, f"echo a native library talks\necho '{json.dumps(asdict(seen))}'"
    )
    assert child.load_check(tmp_path) == seen


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 'n_mels does not exist in the metadata' >&2; exit 255", "status 255: n_mels"),
        ("kill -SEGV $$", "ended by SIGSEGV"),
        ("echo 'it gave no sound.' >&2; exit 1", "bundle: it gave no sound."),
        ("exit 0", "said nothing"),
        ("echo '{}'; exit 3", "status 3"),
    ],
    ids=["ends the process", "crashes", "raises", "says nothing", "fails after it spoke"],
)
def test_an_engine_that_ends_the_child_is_an_error_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, says: str
) -> None:
    program(monkeypatch, tmp_path, script)
    with pytest.raises(ModelError, match=says) as caught:
        child.load_check(tmp_path)
    assert "\n" not in caught.value.problem


def test_an_engine_that_hangs_is_an_error_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(monkeypatch, tmp_path, "exec sleep 60")
    with pytest.raises(ModelError, match="did not load the bundle in 0 s"):
        child.load_check(tmp_path, timeout_s=0.05)


def test_the_real_child_refuses_a_bundle_of_no_engine(tmp_path: Path) -> None:
    manifest.write(Bundle("x", Role.STT, "sorcery", tmp_path, (), "MIT", "nowhere"))
    with pytest.raises(ModelError, match="there is no engine 'sorcery'"):
        child.load_check(tmp_path)
    assert Path(sys.executable).exists()


def test_a_backend_takes_the_babble_for_speech() -> None:
    assert not is_speechless(probe.babble())
    assert np.abs(probe.babble()).max() < 1
