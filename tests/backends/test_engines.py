from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from edgevoice.backends import engines
from edgevoice.core.bundle import Bundle, Role
from edgevoice.errors import BackendMissing, Misused


def bundle_for(engine: str) -> Bundle:
    return Bundle("mine", Role.STT, engine, Path(), (), "", "")


@pytest.mark.parametrize("module", engines.ENGINES.values())
def test_each_engine_has_the_two_functions(module: str) -> None:
    found = import_module(module)
    assert callable(found.need_mb)
    assert callable(found.load)


@pytest.mark.parametrize("ask", [engines.load, engines.need_mb])
def test_an_unknown_engine_is_named_with_the_known_ones(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(Misused, match=r"(?s)'whisperx'.*moonshine"):
        ask(bundle_for("whisperx"))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, engines.ENGINES["whisper-onnx"], raising=False)
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    with pytest.raises(BackendMissing, match="'sherpa_onnx'"):
        engines.load(bundle_for("whisper-onnx"))


def test_no_native_library_is_imported_before_it_is_needed() -> None:
    program = "import sys, edgevoice.backends.engines; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    libraries = {"onnxruntime", "sherpa_onnx", "ctranslate2", "llama_cpp", "hibari"}
    assert not libraries & set(done.stdout.split())
