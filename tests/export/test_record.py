from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgevoice.core.bundle import ModelFile, Role
from edgevoice.errors import ModelError
from edgevoice.runtime.bundles import manifest
from edgevoice.runtime.bundles.progress import Silent
from edgevoice.runtime.bundles.pull import pull_own
from edgevoice.runtime.bundles.store import Store
from edgevoice_export import record
from edgevoice_export.record import Comparison, LoadCheck, Made, Product

MADE = Made(
    recipe="whisper to sherpa-onnx",
    source_name="mine",
    source=(ModelFile("model.safetensors", "ab" * 32, 4),),
    outputs=(),
    parity=(Comparison("encoder", "relative error", 1e-6, 1e-4),),
    versions=record.versions(["numpy", "no-such-package"]),
)


def test_only_what_is_within_its_tolerance_holds() -> None:
    held = [Comparison("x", "m", value, 0.1).holds for value in (0.0, 0.1, 0.2, float("nan"))]
    assert held == [True, True, False, False]


def test_the_worst_comparison_is_named() -> None:
    comparisons = [
        Comparison("good", "m", 0.0, 0.1),
        Comparison("bad", "m", 0.2, 0.1),
        Comparison("worse", "m", 0.05, 0.01),
    ]
    with pytest.raises(ModelError, match=r"worse: m 0\.05 > 0\.01\. No bundle"):
        record.check(comparisons)
    record.check(comparisons[:1])


def test_a_bundle_keeps_its_record_when_it_is_pulled(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.gguf").write_bytes(b"weights")
    product = Product(role=Role.LLM, engine="gguf", options={"min_p": "0.2"})
    bundle = product.bundle("mine", folder, "MIT", "somewhere")
    load = LoadCheck("gguf", memory_mb=12.5, load_s=1, run_s=1, result="Hello")
    written = record.write(bundle, MADE)
    written = record.write(written, replace(MADE, load=load))
    assert written == manifest.read(folder)
    assert written.memory_mb == 12.5
    assert [file.name for file in written.files] == ["model.gguf", "made.json"]

    store = Store(tmp_path / "models")
    pulled = pull_own(str(folder), store, Silent())
    assert record.read(pulled.folder) == record.read(folder)
    assert record.read(pulled.folder)["parity"][0]["value"] == 1e-6
    assert (pulled.licence, pulled.options) == ("MIT", {"min_p": "0.2"})


def test_versions_of_what_is_installed() -> None:
    assert MADE.versions.keys() == {"python", "edgevoice", "numpy"}


def test_a_bundle_from_elsewhere_has_no_record(tmp_path: Path) -> None:
    assert record.read(tmp_path) == {}
    (tmp_path / "made.json").write_text("[]")
    assert record.read(tmp_path) == {}
    (tmp_path / "made.json").write_text(json.dumps({"recipe": "x"}))
    assert record.read(tmp_path) == {"recipe": "x"}
