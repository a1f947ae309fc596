"""From a bundle to the best smaller one: real files and techniques, a measure without an engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgevoice.core.bundle import Bundle, Role
from edgevoice.errors import EdgeVoiceError, Misused, ModelDamaged, ModelError
from edgevoice.runtime.bundles import integrity, manifest
from edgevoice.runtime.bundles.local import bundle_in_place
from edgevoice.runtime.bundles.progress import Silent
from edgevoice_export import child, record, resources
from edgevoice_export.record import LoadCheck
from edgevoice_quantize import measures, recipe, variant
from edgevoice_quantize.quantize import Wish, keep, quantize
from edgevoice_quantize.recipe import Recipe, Step
from tests.quantize.bundles import calibration, small_model
from tests.quantize.fake_measure import FakeMeasure

ENCODER = Step("encoder.onnx", "onnx_int8_dynamic")
DECODER = Step("decoder.onnx", "onnx_int8_dynamic")


def made(name: str, *steps: Step) -> Recipe:
    return Recipe(name, Role.STT, "whisper-onnx", steps)


BOTH = made("both", ENCODER, DECODER)
ONE = made("encoder", ENCODER)


@pytest.fixture
def source(tmp_path: Path) -> Bundle:
    """Two graphs of a kind, with a manifest."""
    folder = tmp_path / "source"
    folder.mkdir()
    small_model(folder / "encoder.onnx", width=256)
    small_model(folder / "decoder.onnx")
    (folder / "tokens.txt").write_text("YQ== 0\n")
    bundle = bundle_in_place(folder, role="stt", engine="whisper-onnx")
    product = record.Product(Role.STT, "whisper-onnx", ("en",), 16_000, {"tail_frames": "200"})
    bundle = product.bundle(bundle.name, folder, "mit", "somewhere")
    manifest.write(bundle)
    return bundle


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeMeasure:
    """What int8 costs: the decoder more than the budget."""
    found = FakeMeasure({"encoder.onnx": 0.001, "decoder.onnx": 0.02})
    monkeypatch.setattr(measures, "find", lambda role: found)
    monkeypatch.setattr(child, "load_check", lambda folder: LoadCheck("fake", 1, 1, 1, ""))
    return found


def wish(tmp_path: Path, *recipes: Recipe, **more: Any) -> Wish:
    return Wish(recipes=recipes, work=tmp_path / "work", **more)


def test_the_smallest_that_passes_the_gate_is_kept(
    tmp_path: Path, source: Bundle, fake: FakeMeasure
) -> None:
    outcome, workspace = quantize(source.folder, wish(tmp_path, BOTH, ONE), Silent())
    verdicts = {row.name: str(row.verdict) for row in outcome.rows}
    assert verdicts["encoder"] == "kept"
    assert verdicts["both"].startswith("worse: wer 0.071")
    bundle = keep(outcome, workspace, tmp_path / "out", Silent(), replace=False)
    assert bundle.options == {"tail_frames": "200"}
    assert (bundle.licence, bundle.source) == ("mit", "somewhere")
    integrity.check(manifest.read(bundle.folder), hint="", every_byte=True)
    told = record.read(bundle.folder)
    assert told["recipe"] == "encoder"
    assert told["details"]["judged"]["kept"] is True
    assert told["details"]["audit"]["encoder.onnx"]["quantized"]["MatMulInteger"] == 2


def test_a_search_finds_what_no_uniform_recipe_holds(
    tmp_path: Path, source: Bundle, fake: FakeMeasure
) -> None:
    outcome, _ = quantize(source.folder, wish(tmp_path, BOTH, search=True), Silent())
    assert [(r.name, r.searched, r.verdict.kept) for r in outcome.rows] == [
        ("both", False, False),
        ("stt-search-encoder.onnx", True, True),
    ]
    assert outcome.best is outcome.rows[-1]


def test_a_search_leaves_no_files_of_what_broke_the_budget(
    tmp_path: Path, source: Bundle, fake: FakeMeasure
) -> None:
    fake.harm["encoder.onnx"] = 0.0
    quantize(source.folder, wish(tmp_path, ONE, search=True), Silent())
    left = [record.read(folder)["recipe"] for folder in (tmp_path / "work").glob("*/bundle")]
    assert left == ["encoder"]  # the search's own winner is the same by content


def test_the_search_sees_calibration_data_only_and_the_verdict_held_out_data_only(
    tmp_path: Path, source: Bundle, fake: FakeMeasure
) -> None:
    quantize(source.folder, wish(tmp_path, BOTH, search=True), Silent())
    every = {item.name: item for item in fake.items(None)}
    sets = {names for _, names in fake.measured}
    assert len(sets) == 2
    assert frozenset.intersection(*sets) == frozenset()
    for names in sets:
        assert len({every[name].for_calibration for name in names}) == 1
    candidates = [every[next(iter(names))].for_calibration for _, names in fake.measured]
    # The source, both files and one of them; then the source, the recipe and what was found.
    assert (candidates.count(True), candidates.count(False)) == (3, 3)


def test_a_budget_nothing_meets_shows_the_nearest_and_writes_nothing(
    tmp_path: Path, source: Bundle, fake: FakeMeasure
) -> None:
    asked = wish(tmp_path, BOTH, ONE, budget="wer<=1", search=True)
    outcome, workspace = quantize(source.folder, asked, Silent())
    with pytest.raises(EdgeVoiceError) as refused:
        keep(outcome, workspace, tmp_path / "out", Silent(), replace=False)
    assert "No variant of source holds wer<=1%." in refused.value.problem
    assert "The nearest is" in refused.value.problem
    assert "worse: wer 0.05 (source 0.05) breaks wer<=1%" in refused.value.problem
    assert "\n" not in refused.value.problem
    assert not (tmp_path / "out").exists()


def test_a_variant_that_the_engine_refuses_is_kept_out_and_the_others_go_on(
    tmp_path: Path, source: Bundle, fake: FakeMeasure
) -> None:
    fake.refuses = "decoder.onnx"
    outcome, _ = quantize(source.folder, wish(tmp_path, BOTH, ONE), Silent())
    assert [str(row.verdict) for row in outcome.rows] == [
        "The engine was ended by SIGSEGV: it said nothing.",
        "kept",
    ]


def test_after_ctrl_c_nothing_that_was_measured_is_measured_again(
    tmp_path: Path, source: Bundle, fake: FakeMeasure
) -> None:
    asked = wish(tmp_path, BOTH, ONE, search=True)
    fake.stop_after = 3
    with pytest.raises(KeyboardInterrupt):
        quantize(source.folder, asked, Silent())
    fake.stop_after = 10**6
    quantize(source.folder, asked, Silent())
    assert len(fake.measured) == len(set(fake.measured))
    before = list(fake.measured)
    quantize(source.folder, asked, Silent())
    assert fake.measured == before
    assert not list(tmp_path.rglob("*.partial"))


def test_another_source_of_the_same_name_is_measured_anew(
    tmp_path: Path, source: Bundle, fake: FakeMeasure
) -> None:
    quantize(source.folder, wish(tmp_path, ONE), Silent())
    small_model(source.folder / "decoder.onnx", width=128)
    (source.folder / manifest.MANIFEST).unlink()
    before = len(fake.measured)
    quantize(source.folder, wish(tmp_path, ONE), Silent())
    assert len(fake.measured) == before + 2


@pytest.mark.parametrize(
    ("resource", "told"),
    [("free_disk_mb", "MB of disk and 0 MB are free"), ("available_memory_mb", "MB of memory")],
)
def test_what_is_too_small_is_said_before_starting(
    tmp_path: Path,
    source: Bundle,
    fake: FakeMeasure,
    monkeypatch: pytest.MonkeyPatch,
    resource: str,
    told: str,
) -> None:
    monkeypatch.setattr(resources, resource, lambda *_: 0.0)
    with pytest.raises(EdgeVoiceError, match=told):
        variant.build(source, BOTH, tmp_path / "out", calibration(8), Silent())
    assert not (tmp_path / "out").exists()


def test_no_half_of_a_bundle_is_left_when_a_step_fails(
    tmp_path: Path, source: Bundle, fake: FakeMeasure
) -> None:
    (source.folder / "decoder.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot be read as an ONNX model"):
        variant.build(source, BOTH, tmp_path / "out", calibration(8), Silent())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_steps_for_one_file_follow_each_other(
    tmp_path: Path, source: Bundle, fake: FakeMeasure
) -> None:
    steps = (
        Step("encoder.onnx", "onnx_int8_dynamic", {"include": ["hidden*"]}),
        Step("encoder.onnx", "onnx_fp16", becomes="{stem}.int8.onnx"),
    )
    bundle = variant.build(
        source, made("chain", *steps), tmp_path / "out", calibration(8), Silent()
    )
    assert sorted(f.name for f in bundle.files) == [
        *("decoder.onnx", "encoder.int8.onnx", "made.json", "tokens.txt"),
    ]
    shares = record.read(bundle.folder)["details"]["audit"]["encoder.int8.onnx"]["shares"]
    assert set(shares) >= {"int8", "float16"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


def test_a_recipe_for_another_engine_is_refused(tmp_path: Path, source: Bundle) -> None:
    with pytest.raises(Misused, match="is for stt/whisper-ct2; source is stt/whisper-onnx"):
        quantize(source.folder, wish(tmp_path, recipe.load("stt-ct2-int8")), Silent())


def test_a_checkpoint_is_told_from_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(Misused, match="is a checkpoint, not yet a bundle") as refused:
        quantize(tmp_path, Wish(), Silent())
    assert "edgevoice export" in refused.value.hint


@pytest.mark.parametrize(("files", "error"), [([], Misused), (["a.txt"], Misused)])
def test_a_folder_that_is_no_bundle(
    tmp_path: Path, files: list[str], error: type[EdgeVoiceError]
) -> None:
    for name in files:
        (tmp_path / name).write_text("")
    with pytest.raises(error, match="has not the files of a model"):
        quantize(tmp_path, Wish(), Silent())


def test_nothing_there_and_another_role(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is nothing at"):
        quantize(tmp_path / "absent", Wish(), Silent())
    (tmp_path / "silero.onnx").write_bytes(b"")
    with pytest.raises(Misused, match="role vad cannot be quantized"):
        quantize(tmp_path, Wish(), Silent())


def test_a_damaged_source_is_not_measured(
    tmp_path: Path, source: Bundle, fake: FakeMeasure
) -> None:
    with (source.folder / "decoder.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelDamaged, match=r"decoder.onnx of source is damaged"):
        quantize(source.folder, wish(tmp_path, ONE), Silent())


def test_a_measure_that_the_role_has_not_is_refused_before_anything_is_built(
    tmp_path: Path, source: Bundle, fake: FakeMeasure
) -> None:
    with pytest.raises(Misused, match="kl is not measured here"):
        quantize(source.folder, wish(tmp_path, ONE, budget="kl<=0.1"), Silent())
    assert len(fake.measured) == 1


def test_json_has_source_best_and_all(tmp_path: Path, source: Bundle, fake: FakeMeasure) -> None:
    outcome, _ = quantize(source.folder, wish(tmp_path, BOTH, ONE), Silent())
    told = json.loads(json.dumps(outcome.flat()))
    assert told["source"]["wer"] == 0.05
    assert set(told["source"]) >= {"mb", "seconds", "wer"}
    assert told["best"]["name"] == "encoder"
    assert [row["name"] for row in told["all"]] == ["both", "encoder"]
