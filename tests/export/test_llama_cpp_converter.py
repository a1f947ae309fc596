from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from edgevoice.errors import DownloadFailed, ModelDamaged, ModelError
from edgevoice.runtime.bundles.integrity import sha256_of
from edgevoice.runtime.bundles.progress import Silent
from edgevoice_export import llama_cpp_converter as converter

WRITES = "import sys; open(sys.argv[sys.argv.index('--outfile') + 1], 'w').write(sys.argv[3])"
REFUSES = "import sys; print('chatter', file=sys.stderr); sys.exit('BPE pre-tokenizer unknown')"


def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    (tmp_path / converter.SCRIPT).write_text(script)
    monkeypatch.setenv(converter.VARIABLE, str(tmp_path))


def test_the_users_own_converter_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own(monkeypatch, tmp_path, WRITES)
    converter.convert(tmp_path, tmp_path / "out.gguf", "f16", Silent())
    assert (tmp_path / "out.gguf").read_text() == "f16"


def test_its_last_words_are_in_the_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own(monkeypatch, tmp_path, REFUSES)
    with pytest.raises(ModelError, match=r"refuses .*: BPE pre-tokenizer unknown"):
        converter.convert(tmp_path, tmp_path / "out.gguf", "f16", Silent())


def test_a_folder_without_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(converter.VARIABLE, str(tmp_path))
    with pytest.raises(ModelError, match=converter.SCRIPT):
        converter.converter(Silent())


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A source package like llama-cpp-python's, which pip brings, and an empty cache."""
    file = tmp_path / "llama_cpp_python.tar.gz"
    root = "llama_cpp_python-1"
    with tarfile.open(file, "w:gz") as archive:
        for name in (converter.SCRIPT, "conversion/base.py", "gguf-py/gguf/x.py", "src/llama.cpp"):
            member = tarfile.TarInfo(f"{root}/{converter.VENDORED}{name}")
            member.size = 4
            archive.addfile(member, io.BytesIO(b"text"))
    monkeypatch.delenv(converter.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(converter, "SHA256", sha256_of(file))

    def pip(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        target = Path(command[command.index("--dest") + 1])
        (target / file.name).write_bytes(file.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    return file


def test_the_converter_is_fetched_once_and_only_what_it_needs_is_kept(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = converter.converter(Silent())
    kept = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))
    assert kept == ["conversion/base.py", converter.SCRIPT, "gguf-py/gguf/x.py"]
    assert not (folder / "src").exists()
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("fetched again"))
    assert converter.converter(Silent()) == folder


def test_another_package_of_the_same_name_is_refused(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(converter, "SHA256", "0" * 64)
    with pytest.raises(ModelDamaged, match="not the one that was promised"):
        converter.converter(Silent())
    assert not list((tmp_path / "cache" / "edgevoice").iterdir())


def test_no_network_is_said(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "ERROR: No matching distribution found\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(DownloadFailed, match="No matching distribution") as caught:
        converter.converter(Silent())
    assert converter.VARIABLE in caught.value.hint
