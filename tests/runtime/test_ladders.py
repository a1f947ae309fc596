"""From bundles to ladders."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgevoice.core.bundle import Bundle, Role
from edgevoice.core.rung import Need
from edgevoice.errors import EdgeVoiceError
from edgevoice.runtime.ladders import ladders, rung


def made(name: str, memory_mb: float, *languages: str, engine: str = "moonshine") -> Bundle:
    return Bundle(
        name=name,
        role=Role.STT,
        engine=engine,
        folder=Path("nowhere"),
        files=(),
        licence="",
        source="",
        languages=languages,
        memory_mb=memory_mb,
    )


def test_under_the_chosen_bundle_stand_the_smaller_ones_of_its_language() -> None:
    bundles = [
        made("middle", 200, "en"),
        made("german", 100, "de"),
        made("small", 50, "en", "fr"),
        made("large", 400, "en"),
        made("smaller", 150, "en"),
    ]
    (stt,) = ladders(bundles, {Role.STT: "middle", Role.TTS: "absent"}).values()
    assert [each.bundle for each in stt] == ["middle", "smaller", "small"]


def test_what_cannot_be_judged_is_left_out_unless_it_was_chosen() -> None:
    strange = made("strange", 10, "en", engine="none")
    bundles = [made("chosen", 100, "en"), strange]
    (stt,) = ladders(bundles, {Role.STT: "chosen"}).values()
    assert [each.bundle for each in stt] == ["chosen"]
    with pytest.raises(EdgeVoiceError):
        ladders(bundles, {Role.STT: "strange"})


@pytest.mark.models
def test_an_llm_may_be_loaded_in_several_ways(bundle: Callable[[str], Bundle]) -> None:
    found = rung(bundle("smollm2-135m"), 2048)
    ways = [(need.context_tokens, need.kv_type) for need in found.needs]
    assert ways == [(2048, "f16"), (2048, "q8_0"), (1024, "q8_0"), (512, "q8_0")]
    assert [need.mb for need in found.needs] == sorted((n.mb for n in found.needs), reverse=True)
    assert 100 < found.weights_mb < 200
    mapped_mb = found.needs[0].mapped_mb  # none where the processor wants another layout
    assert mapped_mb == 0 or mapped_mb == pytest.approx(found.weights_mb, rel=0.05)


@pytest.mark.models
def test_a_short_context_is_not_shortened_further(bundle: Callable[[str], Bundle]) -> None:
    found = rung(replace(bundle("smollm2-135m"), options={"kv_type": "q8_0"}), 512)
    assert [(n.context_tokens, n.kv_type) for n in found.needs] == [(512, "f16"), (512, "q8_0")]
    assert isinstance(found.needs[0], Need)
