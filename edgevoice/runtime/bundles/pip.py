"""The user's own pip, asked where packages lie: it knows the indexes, folders and credentials."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from edgevoice.errors import DownloadFailed
from edgevoice.runtime.bundles.download import RETRY

PLATFORM = "manylinux_2_34_x86_64"
"""Asked for on every machine: only data files are taken out, so the processor is no matter."""

_NEUTRAL = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
"""Settings for installing, which pip would take here for a contradiction."""

_OFFLINE = ("connection", "name resolution", "timed out", "unreachable", "proxy")
"""Words in pip's warnings when no index answers; it then claims that there is no such package."""


def locate(packages: Sequence[str]) -> dict[str, str]:
    """Return the URL of each of ``packages``, given as name==version.

    Raises:
        DownloadFailed: pip is not there, reaches no index, or does not find one of them.

    """
    if not packages:
        return {}
    with tempfile.TemporaryDirectory() as nowhere:
        report = _pip(
            ["install", "--dry-run", "--ignore-installed", "--report", "-", "--target", nowhere],
            packages,
        )
    found = {
        _key(item["metadata"]["name"]): item["download_info"]["url"]
        for item in json.loads(report)["install"]
    }
    return {package: found[_key(package)] for package in packages}


def download(package: str, target: Path) -> None:
    """Have pip itself bring the wheel of ``package`` (name==version) to ``target``.

    Raises:
        DownloadFailed: it could not.

    """
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        _pip(["download", "--dest", folder], [package])
        (wheel,) = Path(folder).iterdir()
        wheel.replace(target)


def _pip(arguments: Sequence[str], packages: Sequence[str]) -> str:
    if find_spec("pip") is None:
        raise DownloadFailed(
            f"pip, which finds packages, is not there for {sys.executable}.",
            hint=f"{sys.executable} -m ensurepip",
        )
    command = [
        *(sys.executable, "-m", "pip", *arguments),
        *("--quiet", "--no-input", "--no-deps", "--retries", "2"),
        *("--only-binary", ":all:", "--platform", PLATFORM),
        *packages,
    ]
    environment = os.environ | _NEUTRAL
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - this interpreter's own pip
    if run.returncode:
        raise _failure(packages, run.stderr)
    return run.stdout


def _failure(packages: Sequence[str], stderr: str) -> DownloadFailed:
    lines = stderr.strip().splitlines() or ["it said nothing"]
    wanted = packages[0] if len(packages) == 1 else f"{packages[0]} and {len(packages) - 1} more"
    if any(word in line.lower() for line in lines for word in _OFFLINE):
        return DownloadFailed(
            f"pip did not find {wanted}, and could not reach a package index.",
            hint=f"check the network, then {RETRY}",
        )
    last = next((line for line in reversed(lines) if line.startswith("ERROR: ")), lines[-1])
    return DownloadFailed(f"pip did not find {wanted}: {last.removeprefix('ERROR: ')}")


def _key(package: str) -> str:
    """Return the name in ``package`` as the registry normalizes it."""
    return package.partition("==")[0].lower().replace("_", "-").replace(".", "-")
