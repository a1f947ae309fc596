"""The course of an export, with a recipe that needs no library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgevoice import cli
from edgevoice.core.bundle import Role
from edgevoice.errors import EdgeVoiceError, Misused, ModelError
from edgevoice.runtime.bundles.progress import Progress, Silent
from edgevoice.runtime.bundles.store import Store
from edgevoice_export import child, record, resources, safetensors
from edgevoice_export import export as course
from edgevoice_export.checkpoint import open_checkpoint
from edgevoice_export.recipes import RECIPES, find
from edgevoice_export.record import Comparison, LoadCheck, Product
from edgevoice_export.resources import Estimate
from edgevoice_export.sources import Source
from tests.export.checkpoints import tiny_whisper, whisper_weights, write_json

LOADED = LoadCheck("gguf", memory_mb=3.0, load_s=0.1, run_s=0.1, result="Hello")


class Copy:
    """A recipe that writes a file of a few bytes."""

    packages = ("numpy",)
    off = 0.0
    stop: type[BaseException] | None = None

    def check(self, source: Source) -> None: ...

    def estimate(self, source: Source) -> Estimate:
        return Estimate(disk_mb=1, memory_mb=1)

    def build(self, source: Source, folder: Path, progress: Progress) -> Product:
        (folder / "model.gguf").write_bytes(b"weights")
        if self.stop:
            raise self.stop
        return Product(role=Role.LLM, engine="gguf", languages=("en",))

    def compare(self, source: Source, folder: Path, progress: Progress) -> list[Comparison]:
        assert (folder / "model.gguf").is_file()
        return [Comparison("logits", "KL divergence", self.off, 1e-3)]


@pytest.fixture
def copy(monkeypatch: pytest.MonkeyPatch) -> Copy:
    recipe = Copy()
    monkeypatch.setattr(course, "find", lambda *_: recipe)
    monkeypatch.setattr(child, "load_check", lambda _: LOADED)
    return recipe


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return open_checkpoint(tiny_whisper(tmp_path / "source"))


def test_a_bundle_is_compared_loaded_recorded_and_kept(
    copy: Copy, source: Source, tmp_path: Path
) -> None:
    bundle = course.export(source, "gguf", tmp_path / "My Model", Silent(), licence="MIT")
    assert Store(tmp_path / "models").get(str(bundle.folder), Role.LLM) == bundle
    assert (bundle.name, bundle.licence, bundle.memory_mb) == ("my-model", "MIT", 3.0)
    made = record.read(bundle.folder)
    assert made["load"]["result"] == "Hello"
    assert made["recipe"] == "whisper to gguf"
    assert {file["name"] for file in made["source"]} >= {"model.safetensors", "config.json"}
    assert [file["name"] for file in made["outputs"]] == ["model.gguf"]


def refuse_load(_: Path) -> LoadCheck:
    raise ModelError("The engine refuses the bundle: no metadata.")


@pytest.mark.parametrize(
    "fail",
    [
        lambda copy, _: setattr(copy, "stop", KeyboardInterrupt),
        lambda copy, _: setattr(copy, "off", 0.1),
        lambda copy, _: setattr(copy, "off", float("nan")),
        lambda _, patch: patch.setattr(child, "load_check", refuse_load),
        lambda _, patch: patch.setattr(resources, "free_disk_mb", lambda _: 0.5),
        lambda _, patch: patch.setattr(resources, "available_memory_mb", lambda _: 0.5),
    ],
    ids=["Ctrl-C", "untrue", "NaN comes out", "does not load", "small disk", "small memory"],
)
def test_no_half_written_bundle(
    copy: Copy,
    source: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fail: Callable[[Copy, pytest.MonkeyPatch], None],
) -> None:
    fail(copy, monkeypatch)
    with pytest.raises((EdgeVoiceError, KeyboardInterrupt)):
        course.export(source, "gguf", tmp_path / "out", Silent())
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_resources_are_compared_before_anything_is_written(
    copy: Copy, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "free_disk_mb", lambda _: 0.5)
    monkeypatch.setattr(copy, "build", lambda *_: pytest.fail("it began"), raising=False)
    with pytest.raises(EdgeVoiceError, match="1 MB of disk and 0 MB are free"):
        course.export(source, "gguf", tmp_path / "out", Silent())


def test_weights_that_are_no_numbers_are_found_before_building(
    copy: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_whisper(tmp_path / "source")
    weights = whisper_weights()
    weights["model.encoder.conv1.bias"][:] = np.inf
    safetensors.write(folder / "model.safetensors", weights)
    monkeypatch.setattr(copy, "build", lambda *_: pytest.fail("it began"), raising=False)
    with pytest.raises(EdgeVoiceError, match="NaN or infinite"):
        course.export(open_checkpoint(folder), "gguf", tmp_path / "out", Silent())


def test_an_output_in_the_way_is_said_first(copy: Copy, source: Source, tmp_path: Path) -> None:
    with pytest.raises(Misused, match="is no bundle"):
        course.export(source, "gguf", tmp_path / "source", Silent())


def test_an_unknown_architecture_names_the_known_ones() -> None:
    with pytest.raises(ModelError, match="'rwkv'") as caught:
        find("rwkv", "gguf")
    assert "whisper" in caught.value.hint


def test_a_target_that_an_architecture_cannot_reach_names_those_it_can() -> None:
    with pytest.raises(Misused, match="whisper cannot be exported to gguf") as caught:
        find("whisper", "gguf")
    assert "--to sherpa-onnx" in caught.value.hint


def test_every_recipe_is_there() -> None:
    folder = Path(course.__file__).parent / "recipes"
    assert {f"{module}.py" for module in RECIPES.values()} <= {f.name for f in folder.iterdir()}


def run(*arguments: str) -> int:
    return cli.main(["export", *arguments])


@pytest.mark.parametrize(
    ("prepare", "says", "status"),
    [
        (lambda folder: (folder / "config.json").unlink(), "no Hugging Face checkpoint", 1),
        (lambda folder: write_json(folder, "config.json", {"model_type": "rwkv"}), "'rwkv'", 1),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 50), "no safetensors", 1),
    ],
    ids=["no checkpoint", "unknown architecture", "damaged weights"],
)
def test_bad_input_is_one_line_and_a_hint(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    prepare: Callable[[Path], object],
    says: str,
    status: int,
) -> None:
    folder = tiny_whisper(tmp_path / "source")
    prepare(folder)
    assert run(str(folder), "--to", "gguf", "--output", str(tmp_path / "out")) == status
    error = capsys.readouterr().err.splitlines()
    assert error[0].startswith("edgevoice export: ")
    assert says in error[0]
    assert error[1].startswith("  Try: ")
    assert len(error) == 2
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_neither_path_nor_hub_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = str(tmp_path / "no" / "where")
    assert run(nowhere, "--to", "gguf", "--output", str(tmp_path / "out")) == 1
    assert "There is nothing at" in capsys.readouterr().err


def test_a_piper_training_checkpoint_is_told_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "epoch.ckpt").touch()
    arguments = ("--to", "sherpa-onnx", "--output", str(tmp_path / "out"))
    assert run(str(tmp_path / "epoch.ckpt"), *arguments) == 1
    assert "export_onnx" in capsys.readouterr().err


def test_help_tells_what_can_go_where(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("--help")
    assert ended.value.code == 0
    assert "whisper" in capsys.readouterr().out
