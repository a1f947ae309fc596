"""Divergence of one model's expectations from another's, with both made up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

import numpy as np
import pytest

from edgevoice.errors import ModelError
from edgevoice_quantize.llm_quality import Scores, compare, keep
from edgevoice_quantize.llm_texts import Reading


@dataclass
class Expects:
    """Expects the same at every token."""

    shares: Sequence[float]

    @property
    def vocabulary(self) -> int:
        return len(self.shares)

    def scores(self, tokens: Sequence[int], wanted: Sequence[bool]) -> Iterator[Scores]:
        for _ in range(sum(wanted[1:])):
            yield np.log(np.array(self.shares, np.float32))


HALVES, QUARTERS = Expects([0.5, 0.25, 0.25]), Expects([0.25, 0.25, 0.5])
READINGS = [Reading((0, 1, 2, 0), (False, True, False, True)), Reading((2, 2), (True, True))]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    keep(HALVES, READINGS, tmp_path / "source.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["source.npy"]
    return tmp_path / "source.npy"


def test_a_model_does_not_diverge_from_itself(kept: Path) -> None:
    found = compare(HALVES, READINGS, kept)
    assert found.tokens == 3
    assert found.kl == pytest.approx(0.0, abs=1e-6)
    assert found.top1 == 1.0


def test_figures_are_those_of_the_definitions(kept: Path) -> None:
    found = compare(QUARTERS, READINGS, kept)
    assert found.kl == pytest.approx(0.5 * log(2) - 0.25 * log(2), rel=1e-3)
    assert found.kl_error == pytest.approx(0.0, abs=1e-6)
    assert found.top1 == 0.0
    # The judged tokens are 1, 0 and 2, with shares of a quarter, a quarter and a half.
    assert found.perplexity == pytest.approx((4 * 4 * 2) ** (1 / 3), rel=1e-4)


def test_the_error_tells_how_texts_differ(kept: Path) -> None:
    class Uneven(Expects):
        def scores(self, tokens: Sequence[int], wanted: Sequence[bool]) -> Iterator[Scores]:
            yield from (QUARTERS if len(tokens) == 2 else HALVES).scores(tokens, wanted)

    found = compare(Uneven(HALVES.shares), READINGS, kept)
    off = 0.25 * log(2)
    assert found.kl == pytest.approx(off / 3, rel=1e-3)
    assert found.kl_error == pytest.approx(2**0.5 * (2 / 3 * off) / 3, rel=1e-3)


def test_models_with_other_tokens_cannot_be_compared(kept: Path) -> None:
    with pytest.raises(ModelError, match="knows 4 tokens and its source 3"):
        compare(Expects([0.25] * 4), READINGS, kept)
