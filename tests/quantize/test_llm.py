"""Measuring and searching a language model: a tiny one of random weights, in real engines."""

import re
from pathlib import Path

import pytest

from edgevoice.backends.gguf_header import read_header
from edgevoice.core.bundle import Bundle, ModelFile, Role
from edgevoice.errors import Misused
from edgevoice.runtime.bundles import local
from edgevoice.runtime.bundles.progress import Silent
from edgevoice_quantize import child, gguf, gguf_space, held_out, llm
from edgevoice_quantize.held_out import Item
from edgevoice_quantize.llm import MEASURE
from tests.quantize import tiny_gguf

ITEMS = [
    Item(f"Question {n}", f"> Question {n}\nThe answer to question {n} is {7 * n}, or near it.")
    for n in range(60)
]
CALIBRATION, HELD_OUT = held_out.split(ITEMS)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    tiny_gguf.write(folder / "tiny.f16.gguf")
    return folder


def variant(source: Path, folder: Path, mix: str) -> Path:
    folder.mkdir()
    types = gguf.GgufTypes(mix, {".": mix})
    gguf.quantize(source / "tiny.f16.gguf", folder / "tiny.gguf", types)
    return folder


def test_smaller_types_are_smaller_and_further_from_the_source(
    source: Path, tmp_path: Path
) -> None:
    items, work = HELD_OUT.items[:8], tmp_path / "work"
    found = {"source": MEASURE.measure(source, items, source, work, Silent())}
    for mix in ("Q8_0", "Q4_0"):
        folder = variant(source, tmp_path / mix, mix)
        found[mix] = MEASURE.measure(folder, items, source, work, Silent())
    values = {name: measures.values for name, measures in found.items()}
    for key in MEASURE.columns:
        assert all(key in each for each in values.values())
    assert values["source"]["kl"] < 1e-5 < values["Q8_0"]["kl"] < 0.1 * values["Q4_0"]["kl"]
    assert values["source"]["top1"] == 1.0 > values["Q4_0"]["top1"]
    assert values["source"]["mb"] > values["Q8_0"]["mb"] > values["Q4_0"]["mb"]
    assert all(each["seconds"] > 0 and each["pss_mb"] > 1 for each in values.values())
    assert set(found["source"].noise) == set(values["source"])


def test_nothing_is_chosen_by_the_tasks(source: Path, tmp_path: Path) -> None:
    items = CALIBRATION.items[:3]
    found = MEASURE.measure(source, items, source, tmp_path / "work", Silent())
    assert "tasks" not in found.values
    assert "answers" not in found.details


def test_the_space_knows_every_weight_and_foresees_the_harm(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf_space, "BANDS", 1)
    space = MEASURE.space(source, CALIBRATION, tmp_path, Silent())
    assert {layer.name for layer in space.layers} == {
        "token_embd.weight",
        *(
            f"blk.{n}.{kind}"
            for n in (0, 1)
            for kind in ("attn_qk", "attn_v", "attn_output", "ffn_in", "ffn_down")
        ),
    }
    for layer in space.layers:
        costs = [choice.cost for choice in layer.choices]
        harms = [choice.harm for choice in layer.choices]
        assert costs == sorted(costs, reverse=True)
        assert harms == sorted(harms)
        assert len(set(costs)) == len(costs)

    chosen = {layer.name: layer.choices[0].level for layer in space.layers}
    chosen["blk.1.ffn_down"] = space.layers[-1].choices[-1].level
    recipe = space.recipe(chosen)
    (step,) = recipe.steps_for("tiny.f16.gguf")
    assert step.technique == "gguf"
    header = read_header(source / "tiny.f16.gguf")
    for name in gguf.weights(header):
        found = [
            kind for pattern, kind in step.options["tensors"].items() if re.search(pattern, name)
        ]
        assert len(found) == 1

    # What was probed is kept: asking again starts no model.
    monkeypatch.setattr(gguf, "quantize", lambda *_, **__: pytest.fail("probed again"))
    again = MEASURE.space(source, CALIBRATION, tmp_path, Silent())
    assert again.layers == space.layers


def test_there_is_no_search_for_other_engines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Bundle("m", Role.LLM, "onnx-llm", tmp_path, (ModelFile("m", "", 0),), "", "")
    monkeypatch.setattr(local, "bundle_in_place", lambda _: other)
    with pytest.raises(Misused, match="no search for bundles of onnx-llm"):
        MEASURE.space(tmp_path, CALIBRATION, tmp_path, Silent())


def test_what_the_source_expects_is_noted_once(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, readings = llm.expectations(source, HELD_OUT.items[:2], tmp_path, Silent())
    monkeypatch.setattr(child, "run", lambda *_: pytest.fail("noted again"))
    assert llm.expectations(source, HELD_OUT.items[:2], tmp_path, Silent()) == (kept, readings)
