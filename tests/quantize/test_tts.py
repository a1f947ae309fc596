"""How voices are measured and what the search may give them: on a small voice, and on joe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgevoice.backends import engines, piper
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.errors import EdgeVoiceError, Misused, ModelDamaged, ModelError
from edgevoice.runtime.bundles import manifest
from edgevoice.runtime.bundles.progress import Silent
from edgevoice_quantize import child, held_out, onnx_weights, recipe, tts, tts_space, variant
from edgevoice_quantize.stored_weights import weights
from edgevoice_quantize.tts import MEASURE
from edgevoice_quantize.tts_child import QUIET
from edgevoice_quantize.voice_feeds import feeds_of
from tests.quantize.voices import MODEL, RATE, small_voice

TEXTS = ["Good morning.", "The kettle boils."]


@pytest.fixture
def source(tmp_path: Path) -> Bundle:
    return small_voice(tmp_path / "voice")


def calibration() -> held_out.Calibration:
    return held_out.split(MEASURE.items(None))[0]


def test_the_lines_are_many_and_fall_on_both_sides() -> None:
    calibration, judged_by = held_out.split(MEASURE.items(None))
    assert len(calibration.items) >= 20
    assert len(judged_by.items) >= 30
    assert not {i.text for i in calibration.items} & {i.text for i in judged_by.items}


def test_a_users_lines_are_read_once_each(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One line.\n\n  Another. \n", "utf-8")
    (tmp_path / "b.txt").write_text("Another.\nA third.\n", "utf-8")
    assert [i.text for i in MEASURE.items(tmp_path)] == ["One line.", "Another.", "A third."]


def test_no_lines_and_what_is_no_text_are_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(EdgeVoiceError, match="no text in"):
        MEASURE.items(tmp_path)
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(EdgeVoiceError, match="not a text in UTF-8"):
        MEASURE.items(tmp_path)


def test_a_child_speaks_every_line_and_says_what_it_took(source: Bundle, tmp_path: Path) -> None:
    said = tts.speak(source.folder, TEXTS, tmp_path / "sounds")
    files = sorted((tmp_path / "sounds").iterdir())
    assert len(files) == len(said["first_s"]) == len(TEXTS)
    assert all(len(np.load(file)) > RATE // 4 for file in files)
    assert said["rate"] == RATE
    assert said["repeat_same"]
    assert max(said["first_s"]) > 0
    assert said["seconds"] > 0
    assert said["pss_mb"] > 20
    apart = tts.distances(tmp_path / "sounds", tmp_path / "sounds", RATE)
    assert [each.drift for each in apart] == [0.0, 0.0]


def test_a_voice_that_gives_nothing_is_said_in_one_line(tmp_path: Path) -> None:
    for name in ("wanted", "given"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "00000.npy", np.zeros(0 if name == "given" else 9000))
    with pytest.raises(EdgeVoiceError, match="line 00000 is none: 0 samples are shorter"):
        tts.distances(tmp_path / "wanted", tmp_path / "given", RATE)


def test_an_engine_that_fails_is_said_in_one_line(source: Bundle, tmp_path: Path) -> None:
    source.path(MODEL).write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot be read as a model"):
        tts.speak(source.folder, TEXTS, tmp_path / "sounds")


def test_options_of_a_bundle_count_before_the_voices_own_scales(
    source: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(piper, "PhonemeVoice", lambda model: seen.append(model._fixed["scales"]))
    piper.load(source)
    piper.load(replace(source, options=dict(QUIET)))
    assert [scales.tolist() for scales in seen] == [pytest.approx([0.6, 1, 0.8]), [0, 1, 0]]
    with pytest.raises(ModelDamaged, match="option that is no number"):
        piper.load(replace(source, options={"noise_scale": "loud"}))
    with pytest.raises(ModelDamaged, match="gives noise"):
        piper.load(replace(source, options={"length_scale": "90"}))


def test_calibration_feeds_what_the_engine_feeds(
    source: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = engines.load(source)
    fed = []

    def run(_: object, feeds: dict[str, np.ndarray], __: object) -> list[np.ndarray]:
        fed.append(feeds)
        return [np.ones(9000, np.float32)]

    monkeypatch.setattr(voice._model, "_session", type("Session", (), {"run": staticmethod(run)}))
    text = "Good morning. It is late."
    list(voice.synthesize(text, CancelScope()))
    ours = list(feeds_of(source.path(MODEL), [text], noise=True))
    assert len(fed) == len(ours) == 2
    for theirs, own in zip(fed, ours, strict=True):
        assert {k: v.tolist() for k, v in theirs.items()} == {k: v.tolist() for k, v in own.items()}
    (quiet, _) = feeds_of(source.path(MODEL), [text], noise=False)
    assert quiet["scales"].tolist() == [0, 1, 0]


def test_feeds_need_a_description(source: Bundle) -> None:
    source.path(f"{MODEL}.json").unlink()
    with pytest.raises(ModelError, match="no description beside it"):
        list(feeds_of(source.path(MODEL), TEXTS, noise=False))


@pytest.mark.parametrize("name", recipe.built_in("tts"))
def test_every_recipe_of_voices_is_one(name: str) -> None:
    loaded = recipe.load(name)
    assert loaded.name == name
    assert loaded.engine in {"piper", "vits"}


@pytest.mark.parametrize("technique", ["onnx_int8_conv_static", "onnx_conv_2d"])
def test_a_variant_speaks(source: Bundle, tmp_path: Path, technique: str) -> None:
    step = recipe.Step("*.onnx", technique, {"include": ["/dec/*"]})
    made = recipe.Recipe("one", source.role, "piper", (step,))
    built = variant.build(source, made, tmp_path / "out", calibration(), Silent())
    kinds = [node.op_type for node in onnx.load(built.path(MODEL)).graph.node]
    assert ("QuantizeLinear" in kinds) == (technique == "onnx_int8_conv_static")
    tts.speak(source.folder, TEXTS, tmp_path / "a")
    tts.speak(built.folder, TEXTS, tmp_path / "b")
    apart = [each.mcd_db for each in tts.distances(tmp_path / "a", tmp_path / "b", RATE)]
    assert max(apart) < (0.01 if technique == "onnx_conv_2d" else 3.0)
    assert manifest.read(built.folder).licence == "CC0"


def test_static_ranges_need_calibration_texts(source: Bundle, tmp_path: Path) -> None:
    few = held_out.Calibration(calibration().items[:3])
    made = recipe.load("tts-int8-static")
    with pytest.raises(EdgeVoiceError, match="3 texts; static ranges need 8"):
        variant.build(source, made, tmp_path / "out", few, Silent())
    assert not (tmp_path / "out").exists()


def test_groups_are_places_in_the_graph(source: Bundle) -> None:
    model = onnx_weights.load(source.path(MODEL))
    groups = tts_space.grouped(weights(model, tts_space.KINDS, tts_space.LEAST))
    names = {group: [weight.name for weight in members] for group, members in groups.items()}
    assert names == {
        "enc_p/emb": ["emb"],
        "dec/pre": ["pre"],
        "dec/up": ["up"],
        "dec/res": ["res"],
        "dec/post": ["post"],
    }


def test_the_space_knows_what_each_group_costs_and_harms(source: Bundle, tmp_path: Path) -> None:
    space = tts_space.space(source.folder, calibration(), tmp_path / "work", Silent())
    for layer in space.layers:
        half, eight, four = layer.choices
        assert (half.level, eight.level, four.level) == ("fp16", "int8", "int4")
        assert half.cost > eight.cost > four.cost
        assert four.harm > eight.harm >= half.harm == 0
    up = next(layer for layer in space.layers if layer.name == "dec/up")
    assert up.choices[1].cost == pytest.approx(64 * 32 * 16 / 1e6)
    before = (tmp_path / "work" / tts_space.HARMS).read_bytes()
    monkey = tts_space.space(source.folder, calibration(), tmp_path / "work", Silent())
    assert monkey.layers == space.layers
    assert (tmp_path / "work" / tts_space.HARMS).read_bytes() == before


def test_what_the_search_chose_is_what_is_built(source: Bundle, tmp_path: Path) -> None:
    space = tts_space.space(source.folder, calibration(), tmp_path / "work", Silent())
    levels = ["fp16", "int8", "int4", "int8", "int4"]
    chosen = {layer.name: level for layer, level in zip(space.layers, levels, strict=True)}
    made = space.recipe(chosen)
    built = variant.build(source, made, tmp_path / "out", calibration(), Silent())
    tensors = {t.name: t.data_type for t in onnx.load(built.path(MODEL)).graph.initializer}
    kind = {"fp16": "_float16", "int8": "_int8", "int4": "_int4"}
    for group, level in chosen.items():
        (name,) = space.members[group]
        assert f"{name}{kind[level]}" in tensors
    assert made.summary.endswith("1 in fp16, 2 in int8, 2 in int4")
    assert space.recipe(chosen).fingerprint() == made.fingerprint()


def test_other_voices_have_no_search(source: Bundle, tmp_path: Path) -> None:
    manifest.write(replace(source, engine="hibari"))
    with pytest.raises(Misused, match="the search knows those of Piper and VITS alone"):
        MEASURE.space(source.folder, calibration(), tmp_path, Silent())


@pytest.mark.models
@pytest.mark.timeout(900)
def test_joe_in_int8_is_near_and_small_and_understood(
    bundle: Callable[[str], Bundle], tmp_path: Path
) -> None:
    bundle(tts.EAR)
    source = bundle("piper-joe")
    items = calibration().items[:8]
    built = variant.build(
        source, recipe.load("tts-int8"), tmp_path / "out", calibration(), Silent()
    )
    work = tmp_path / "work"
    was = MEASURE.measure(source.folder, items, source.folder, work, Silent())
    now = MEASURE.measure(built.folder, items, source.folder, work, Silent())
    assert was.values["mcd_db"] == 0
    assert now.values["mb"] < 0.3 * was.values["mb"]
    assert 0.2 < now.values["mcd_db"] < 1.0 < was.details["own_noise_db"]
    assert now.values["pss_mb"] < was.values["pss_mb"]
    assert now.values["wer"] <= was.values["wer"] + 0.1
    assert not any(work.glob("tmp*"))


def test_the_child_needs_no_onnx() -> None:
    """Its memory is to be the runtime's: what the toolchain imports must not be in it."""
    source = Path(child.__file__).with_name("tts_child.py").read_text("utf-8")
    assert "onnx" not in source
