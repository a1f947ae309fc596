"""Recorded human speech with its words, to measure with: Debian packages, fetched once.

- Asterisk's English prompts: one speaker (Allison Smith), studio, G.722 at 16 kHz; copyright
  2003-2010 Allison Smith and Digium, Inc., licence CC-BY-SA-3.0.
- Five sentences of "Sense and Sensibility" from PocketSphinx' test data: another speaker, a
  LibriVox recording, in the public domain.

Neither is part of this project: ``apt-get download`` brings them into the XDG cache folder,
and what comes must have the hash below.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from G722 import G722

from edgevoice.backends.protocols import EARS_RATE, Samples
from edgevoice.errors import DownloadFailed
from edgevoice.runtime.wav import read_wav

PACKAGES = {
    "asterisk-core-sounds-en": (
        "1.6.1-1",
        "973e797d28e37fa6ca3c0a9d6fa717e77cf1268ae916bf09fd3503113cdffa50",
    ),
    "asterisk-core-sounds-en-g722": (
        "1.6.1-1",
        "38c5261820b406dcb0ecb37675720da2b0864850690690352ca52707eb623806",
    ),
    "pocketsphinx-testdata": (
        "0.8+5prealpha+1-15",
        "eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0",
    ),
}
"""Version and sha256 of the package files."""

SLIPS = {
    "umute": "unmute",
    "represenatives": "representatives",
    "un-indentified": "unidentified",
    "witheld": "withheld",
    "thru": "through",
}
"""Spelling slips of Asterisk's transcripts."""


@dataclass(frozen=True, slots=True)
class Clip:
    """An utterance (16 kHz) and its words."""

    name: str
    samples: Samples
    text: str


def asterisk(least_words: int = 4) -> list[Clip]:
    """Return all prompts of at least ``least_words`` words, in the order of their list.

    Left out are those whose transcript describes a sound instead of, or next to, the words
    (it has brackets then: silences, tones, monkeys), and one that the package lacks.

    Raises:
        DownloadFailed: the packages could not be fetched.

    """
    listed = _package("asterisk-core-sounds-en") / "doc/asterisk-core-sounds-en"
    sounds = _package("asterisk-core-sounds-en-g722") / "asterisk/sounds/en_US_f_Allison"
    lines = gzip.decompress((listed / "core-sounds-en.txt.gz").read_bytes()).decode().splitlines()
    clips = []
    for line in lines:
        name, _, text = line.partition(":")
        recording = sounds / f"{name}.g722"
        if len(text.split()) < least_words or set("[(") & set(text) or not recording.exists():
            continue
        clips.append(Clip(name, _g722(recording), _corrected(text.strip())))
    return clips


def librivox() -> list[Clip]:
    """Return five sentences read from a novel.

    Raises:
        DownloadFailed: the package could not be fetched.

    """
    folder = _package("pocketsphinx-testdata") / "pocketsphinx/test/data/librivox"
    clips = []
    for line in (folder / "transcription").read_text().splitlines():
        if match := re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip()):
            text, name = match.groups()
            clips.append(Clip(name, read_wav(folder / f"{name}.wav")[0], text))
    return clips


def cache_folder() -> Path:
    """Return the folder that fetched speech is kept in."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "edgevoice" / "speech"


def _package(name: str) -> Path:
    """Return the ``usr/share`` of the unpacked Debian package, fetching it when it is not there."""
    version, sha256 = PACKAGES[name]
    folder = cache_folder() / f"{name}_{version}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as work:
            unpacked = Path(work) / "unpacked"
            _run("dpkg-deb", "-x", _fetched(name, version, sha256, Path(work)), unpacked)
            # Renamed when whole, so that an interruption leaves no half of a package.
            unpacked.rename(folder)
    return folder / "usr/share"


def _fetched(name: str, version: str, sha256: str, work: Path) -> Path:
    _run("apt-get", "download", "-qq", f"{name}={version}", cwd=work)
    (file,) = work.glob("*.deb")
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != sha256:
        raise DownloadFailed(
            f"{file.name} should have the SHA-256 {sha256[:12]}, not {found[:12]}."
        )
    return file


def _run(program: str, *arguments: str | Path, cwd: Path | None = None) -> None:
    if not shutil.which(program):
        raise DownloadFailed(f"Recorded speech comes as Debian packages; {program} is not here.")
    done = subprocess.run(  # noqa: S603 - Debian's own programs
        [program, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DownloadFailed(f"{program}: {done.stderr.strip()}", hint="apt-get update")


def _g722(file: Path) -> Samples:
    decoded = G722(EARS_RATE, 64_000).decode(file.read_bytes())
    return np.asarray(decoded, np.float32) / np.float32(32_768)


def _corrected(text: str) -> str:
    return re.sub(r"[\w-]+", lambda m: SLIPS.get(m[0].lower(), m[0]), text)
