from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime.bundles.progress import Silent
from edgevoice_export import resources
from edgevoice_export.resources import Estimate, available_memory_mb, free_disk_mb


class Heard(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


MEMINFO = {"proc/meminfo": "MemTotal: 4000000 kB\nMemAvailable:    1000000 kB\n"}
USE_V2 = {"sys/fs/cgroup/memory.current": "100000000\n"}
LIMIT_V2 = USE_V2 | {"sys/fs/cgroup/memory.max": "600000000\n"}
NO_LIMIT = USE_V2 | {"sys/fs/cgroup/memory.max": "max\n"}
LIMIT_V1 = {
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "500000000\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": "200000000\n",
}


@pytest.mark.parametrize(
    ("files", "free_mb"),
    [
        (MEMINFO, 1024.0),
        (MEMINFO | LIMIT_V2, 500.0),
        (MEMINFO | LIMIT_V1, 300.0),
        (MEMINFO | NO_LIMIT, 1024.0),
        ({}, None),
    ],
    ids=["no group", "version 2", "version 1", "no limit", "a system that does not tell"],
)
def test_the_tightest_limit_counts(
    tmp_path: Path, files: dict[str, str], free_mb: float | None
) -> None:
    assert available_memory_mb(machine(tmp_path, files)) == free_mb


def test_disk_is_looked_at_where_the_output_will_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    usage = shutil.disk_usage(tmp_path)

    def disk_usage(path: Path) -> object:
        asked.append(path)
        return usage

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    free_disk_mb(tmp_path / "not" / "yet" / "there")
    assert asked == [tmp_path]


def test_the_estimate_is_said_before_anything_begins(tmp_path: Path) -> None:
    heard = Heard()
    root = machine(tmp_path, MEMINFO)
    Estimate(disk_mb=1, memory_mb=1000).check("Exporting x", tmp_path, heard, root)
    assert "about 1 MB of disk" in heard.lines[0]
    assert "1,000 MB of memory (1,024 MB are free)" in heard.lines[0]


def test_a_memory_too_small_is_refused_with_both_numbers(tmp_path: Path) -> None:
    root = machine(tmp_path, MEMINFO)
    with pytest.raises(EdgeVoiceError, match="1,025 MB of memory and 1,024 MB are free"):
        Estimate(disk_mb=1, memory_mb=1025).check("Exporting x", tmp_path, Silent(), root)


def test_a_disk_too_small_is_refused_with_both_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "free_disk_mb", lambda _: 150.0)
    root = machine(tmp_path, MEMINFO)
    with pytest.raises(EdgeVoiceError, match="about 151 MB of disk and 150 MB are free"):
        Estimate(disk_mb=151, memory_mb=1).check("Exporting x", tmp_path, Silent(), root)
