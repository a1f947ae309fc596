"""llama.cpp's own converter from Hugging Face to GGUF, of the release that the runtime loads with.

No package installs it cleanly; those named after it overwrite other packages' modules. It lies,
with the tables it needs, in the source package of llama-cpp-python: fetched once through the
user's pip, checked, and kept in the cache folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

from edgevoice.errors import DownloadFailed, ModelDamaged, ModelError
from edgevoice.runtime.bundles.integrity import sha256_of
from edgevoice.runtime.bundles.progress import Progress

PACKAGE = "llama-cpp-python==0.3.36"
"""The release that pyproject.toml pins: a newer one may write what this runtime cannot read."""

SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
"""Of the source package, llama_cpp_python-0.3.36.tar.gz, 77 MB."""

VENDORED = "vendor/llama.cpp/"
SCRIPT = "convert_hf_to_gguf.py"
KEPT = (SCRIPT, "conversion/", "gguf-py/", "LICENSE")
"""2 MB of the package: the script, what it imports, and under which terms."""

VARIABLE = "EDGEVOICE_LLAMA_CPP"
"""Names a folder with llama.cpp's sources that is to be taken instead."""


def convert(folder: Path, output: Path, dtype: str, progress: Progress) -> None:
    """Write the checkpoint in ``folder`` as a GGUF file with weights of ``dtype`` (f16, f32).

    Raises:
        DownloadFailed: the converter is not here and could not be fetched.
        ModelError: it refuses the checkpoint; its last words are in the message.

    """
    script = converter(progress) / SCRIPT
    progress.say(f"converting with llama.cpp's {SCRIPT}")
    command = [sys.executable, str(script), str(folder), "--outtype", dtype]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    environment.pop("NO_LOCAL_GGUF", None)
    run = subprocess.run(  # noqa: S603 - the script was checked against its hash
        [*command, "--outfile", str(output)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        lines = run.stderr.strip().splitlines() or ["it said nothing"]
        raise ModelError(
            f"llama.cpp's converter refuses {folder}: {lines[-1].strip()}",
            hint=f"a newer llama.cpp: {VARIABLE}=DIR names the folder of its sources",
        )


def converter(progress: Progress) -> Path:
    """Return the folder with llama.cpp's converter; fetch it when it is not here."""
    if named := os.environ.get(VARIABLE):
        if not (Path(named) / SCRIPT).is_file():
            raise ModelError(f"{VARIABLE}={named} has no {SCRIPT}.", hint=f"unset {VARIABLE}")
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    folder = cache / "edgevoice" / f"llama.cpp-{PACKAGE.partition('==')[2]}-{SHA256[:8]}"
    if not (folder / SCRIPT).is_file():
        _fetch(folder, progress)
    return folder


def _fetch(folder: Path, progress: Progress) -> None:
    """Bring the converter to ``folder``, all of it or nothing."""
    progress.say(f"fetching llama.cpp's converter with {PACKAGE}: 77 MB, once")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        archive = _download(Path(scratch))
        if (found := sha256_of(archive)) != SHA256:
            raise ModelDamaged(
                f"The source package of {PACKAGE} is not the one that was promised: its SHA-256 "
                f"should begin with {SHA256[:12]} and begins with {found[:12]}.",
                hint="another package index: what this one has was changed",
            )
        draft = Path(scratch) / "converter"
        with tarfile.open(archive) as package:
            for member in package:
                name = member.name.partition(f"/{VENDORED}")[2]
                # Only plain files: of a link or a device there is no content to take.
                if (
                    name.startswith(KEPT)
                    and ".." not in name
                    and (content := _content(package, member))
                ):
                    target = draft / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)


def _content(package: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Return what a plain file holds, nothing for all else.

    ``extract`` with a filter would do it all, but not before Python 3.11.4.
    """
    file = package.extractfile(member) if member.isfile() else None
    return file.read() if file else b""


def _download(folder: Path) -> Path:
    if find_spec("pip") is None:
        raise DownloadFailed(
            f"pip, which finds packages, is not there for {sys.executable}.",
            hint=f"{sys.executable} -m ensurepip",
        )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    source_only = ["--no-binary", PACKAGE.partition("==")[0], "--dest", str(folder), PACKAGE]
    run = subprocess.run(  # noqa: S603 - this interpreter's own pip
        [*command, *source_only], capture_output=True, text=True, check=False
    )
    if run.returncode:
        said = [line for line in run.stderr.splitlines() if line.startswith("ERROR: ")]
        reason = said[-1].removeprefix("ERROR: ") if said else "it said nothing"
        raise DownloadFailed(
            f"llama.cpp's converter could not be fetched: {reason}",
            hint=f"the same with a network, or {VARIABLE}=DIR with llama.cpp's sources",
        )
    return next(folder.glob("*.tar.gz"))
