from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
from G722 import G722

from edgevoice.errors import DownloadFailed
from edgevoice_quantize import speech
from edgevoice_quantize.word_errors import Mistakes, compare, error_rate
from tests.recordings import clip

PROMPTS = """; A list

one: Please enter your number.
two: [four long loud tones]
three: Too short.
four: That number is umute.
five: Not in the package.
"""

VERSION = "1.0"


def debian_package(folder: Path, files: dict[str, bytes]) -> bytes:
    """The content of a .deb with ``files`` under usr/share."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"./usr/share/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    control = io.BytesIO()
    with tarfile.open(fileobj=control, mode="w:gz") as archive:
        text = b"Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n"
        entry = tarfile.TarInfo("./control")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": control.getvalue(),
        "data.tar.gz": tar.getvalue(),
    }
    deb = b"!<arch>\n"
    for name, content in parts.items():
        deb += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        deb += content + b"\n" * (len(content) % 2)
    return deb


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Stands for the Debian archive: package files by name."""
    voice = G722(16_000, 64_000).encode(np.asarray(clip("weasels") * 32_767, np.int16))
    sounds = "asterisk/sounds/en_US_f_Allison"
    packages = {
        "asterisk-core-sounds-en": debian_package(
            tmp_path,
            {"doc/asterisk-core-sounds-en/core-sounds-en.txt.gz": gzip.compress(PROMPTS.encode())},
        ),
        "asterisk-core-sounds-en-g722": debian_package(
            tmp_path,
            {f"{sounds}/{name}.g722": bytes(voice) for name in ("one", "two", "three", "four")},
        ),
    }
    known = {name: (VERSION, hashlib.sha256(deb).hexdigest()) for name, deb in packages.items()}
    monkeypatch.setattr(speech, "PACKAGES", known)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run = subprocess.run

    def no_network(command: list[str], cwd: Path, **options: object) -> object:
        if command[0] != "apt-get":
            return run(command, cwd=cwd, **options)  # type: ignore[call-overload]  # handed on
        name, _, version = command[-1].partition("=")
        (cwd / f"{name}_{version}_all.deb").write_bytes(packages[name])
        packages["fetched"] = packages.get("fetched", b"") + b"."
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", no_network)
    return packages


def test_prompts_of_enough_words_are_given_with_their_words(archive: dict[str, bytes]) -> None:
    clips = speech.asterisk()
    assert [(c.name, c.text) for c in clips] == [
        ("one", "Please enter your number."),
        ("four", "That number is unmute."),
    ]
    assert [len(c.samples) for c in clips] == [pytest.approx(len(clip("weasels")), abs=2)] * 2
    assert np.abs(clips[0].samples).max() == pytest.approx(np.abs(clip("weasels")).max(), abs=0.05)


def test_what_is_there_is_not_fetched_again(archive: dict[str, bytes]) -> None:
    speech.asterisk()
    speech.asterisk()
    assert archive["fetched"] == b".."


def test_a_package_with_another_hash_is_refused(archive: dict[str, bytes]) -> None:
    archive["asterisk-core-sounds-en"] += b"\n"
    with pytest.raises(DownloadFailed, match="SHA-256"):
        speech.asterisk()
    assert list(speech.cache_folder().iterdir()) == []


def test_without_debian_it_says_so(
    archive: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DownloadFailed, match="apt-get is not here"):
        speech.asterisk()


def test_errors_are_counted_in_words() -> None:
    found = compare("Press 1 to log in.", "press one, to login now")
    assert (found.errors, found.words) == (1, 4)


def test_the_interval_lies_around_the_rate_and_narrows_with_more_prompts() -> None:
    few = [Mistakes("", "", errors, 10) for errors in (0, 1, 2, 1)]
    rate, low, high = error_rate(few)
    assert rate == pytest.approx(0.1)
    assert 0 <= low < rate < high
    _, many_low, many_high = error_rate(few * 25)
    assert many_high - many_low < (high - low) / 2
