"""Whisper tiny.en, made smaller: real weights, real engines, a real talk. Without torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench import rebuild_whisper
from edgevoice.backends import engines
from edgevoice.cancel import CancelScope
from edgevoice.core.bundle import Bundle
from edgevoice.core.words import plain_words
from edgevoice.runtime.bundles import integrity, manifest
from edgevoice.runtime.bundles.progress import Silent
from edgevoice_export import record
from edgevoice_export.checkpoint import open_checkpoint
from edgevoice_export.recipes.whisper_sherpa import RECIPE
from edgevoice_quantize import recipe, stt_space, variant
from edgevoice_quantize.held_out import Calibration, Item
from edgevoice_quantize.stt import MEASURE
from edgevoice_quantize.word_errors import compare, error_rate
from tests.recordings import DATA, clip
from tests.test_talk import lines, talk

pytestmark = [pytest.mark.models, pytest.mark.timeout(900)]

SAID = {
    "who-sent-it": "i'm afraid i don't know who sent this message",
    "monkeys": "they have been carried away by monkeys",
}


@pytest.fixture(scope="module")
def source(bundle: Callable[[str], Bundle], tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Whisper tiny.en for sherpa-onnx, as `edgevoice export` writes it, in float32."""
    folder = tmp_path_factory.mktemp("whisper")
    rebuild_whisper.rebuild(bundle("whisper-tiny-en").folder, folder / "checkpoint")
    (folder / "fp32").mkdir()
    product = RECIPE.build(open_checkpoint(folder / "checkpoint"), folder / "fp32", Silent())
    made = product.bundle("fp32", folder / "fp32", "mit", "openai/whisper-tiny.en")
    manifest.write(made)
    return made


@pytest.fixture(scope="module")
def int8(source: Bundle) -> Bundle:
    return built(source, "stt-int8")


def built(source: Bundle, name: str) -> Bundle:
    folder = source.folder.with_name(name)
    return variant.build(source, recipe.load(name), folder, calibration(), Silent())


def calibration() -> Calibration:
    """The recordings, under names that fall on that side."""
    names = (f"{name} {n}" for n in range(100) for name in SAID)
    items = (Item(name, "", clip(name.split()[0])) for name in names)
    return Calibration(tuple([item for item in items if item.for_calibration][:8]))


def heard(made: Bundle) -> dict[str, str]:
    model = engines.load(made)
    texts = {name: model.transcribe(clip(name), CancelScope()) for name in SAID}
    return {name: " ".join(plain_words(text)) for name, text in texts.items()}


def test_int8_is_a_third_of_the_size_and_hears_the_same(source: Bundle, int8: Bundle) -> None:
    assert int8.size_mb < 0.3 * source.size_mb
    assert int8.memory_mb > 0
    assert heard(int8) == heard(source) == SAID
    integrity.check(manifest.read(int8.folder), hint="", every_byte=True)


def test_the_table_of_tokens_is_there_once_and_nothing_large_stays_a_float(int8: Bundle) -> None:
    audits = record.read(int8.folder)["details"]["audit"]
    decoder = audits["decoder.onnx"]
    assert decoder["quantized"]["MatMulInteger"] == 33
    assert decoder["left"] == {}
    assert decoder["shares"]["int8"] > 0.98
    assert set(audits["encoder.onnx"]["left"]) == {"conv1.weight", "conv2.weight"}


def test_fp16_hears_the_same_words(source: Bundle) -> None:
    assert heard(built(source, "stt-fp16")) == SAID


def test_int4_runs_in_the_engine_and_hears_most_words(source: Bundle) -> None:
    mistakes = [
        compare(SAID[name], text) for name, text in heard(built(source, "stt-int4")).items()
    ]
    assert error_rate(mistakes)[0] < 0.5


def test_ctranslate2_in_int8_is_half_as_large_and_hears_the_same(
    bundle: Callable[[str], Bundle], tmp_path: Path
) -> None:
    whole = replace(bundle("whisper-tiny-en"), options={"compute_type": "float32"})
    made = variant.build(
        whole, recipe.load("stt-ct2-int8"), tmp_path / "int8", calibration(), Silent()
    )
    assert made.size_mb < 0.55 * whole.size_mb
    assert heard(made) == heard(whole) == SAID


def test_measures_of_the_source_and_of_its_int8(
    source: Bundle, int8: Bundle, tmp_path: Path
) -> None:
    items = [Item(name, text, clip(name)) for name, text in SAID.items()]
    first = MEASURE.measure(source.folder, items, source.folder, tmp_path, Silent())
    second = MEASURE.measure(int8.folder, items, source.folder, tmp_path, Silent())
    assert first.values["wer"] == second.values["wer"] == second.values["drift"] == 0.0
    assert second.values["pss_mb"] < first.values["pss_mb"]
    assert second.details["same_as_source"] == len(items)
    json.dumps(second.details)


def test_the_search_finds_little_harm_in_int8_and_more_in_int4(
    source: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stt_space, "CLIPS", 1)
    groups = stt_space._groups
    monkeypatch.setattr(  # two groups are enough, and take seconds
        stt_space,
        "_groups",
        lambda models: {k: v for k, v in groups(models).items() if k.endswith("1.self_attn")},
    )
    space = stt_space.space(source.folder, calibration(), tmp_path, Silent())
    assert [layer.name for layer in space.layers] == [
        *("encoder.layers.1.self_attn", "decoder.layers.1.self_attn"),
    ]
    for layer in space.layers:
        harms = {choice.level: choice.harm for choice in layer.choices}
        assert harms["float"] == 0
        assert 0 <= harms["int8"] < harms["int4"] / 10
    chosen = dict(zip([layer.name for layer in space.layers], ("int4", "float"), strict=True))
    (step,) = space.recipe(chosen).steps
    assert (step.files, step.technique) == ("encoder.onnx", "onnx_int4")
    assert len(step.options["include"]) == 4
    again = stt_space.space(source.folder, Calibration(()), tmp_path, Silent())
    assert again == space  # read from what was kept: there is nothing to hear


def test_a_talk_runs_with_the_int8_bundle(int8: Bundle) -> None:
    done = talk(
        *("--input", str(DATA / "monkeys.wav"), "--fast", "--json"),
        *("--set", f"stt.bundle={int8.folder}", "--set", "llm.max_tokens=8"),
    )
    (said,) = lines(done, "heard")
    assert " ".join(plain_words(said["text"])) == SAID["monkeys"]
