"""How far a language model's choice of words strays from its source's, on given texts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgevoice.errors import ModelError
from edgevoice_quantize.llm_texts import Reading

Scores = NDArray[np.float32]


class Scorer(Protocol):
    """A model that tells what it expects."""

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        ...

    def scores(self, tokens: Sequence[int], wanted: Sequence[bool]) -> Iterator[Scores]:
        """Yield the log-probabilities of all tokens before each one that is ``wanted``.

        There are none before the first.
        """
        ...


@dataclass(frozen=True, slots=True)
class Quality:
    """Over the judged tokens of all texts.

    Attributes:
        tokens: how many are judged.
        kl: Kullback-Leibler divergence from the source, in nats a token.
        kl_error: its standard error, texts being the sample.
        top1: share of tokens at which both find the same one the likeliest.
        perplexity: of the model.

    """

    tokens: int
    kl: float
    kl_error: float
    top1: float
    perplexity: float


def keep(scorer: Scorer, readings: Sequence[Reading], path: Path) -> None:
    """Write what the source expects at each judged token to ``path``, whole or not at all.

    In half precision, which adds less than 1e-4 to a divergence: it is off most where a token is
    least likely.
    """
    rows = sum(sum(reading.judged[1:]) for reading in readings)
    draft = path.with_suffix(".partial")
    kept = np.lib.format.open_memmap(draft, "w+", np.float16, (rows, scorer.vocabulary))
    for row, (_, _, scores) in enumerate(_judged(scorer, readings)):
        kept[row] = scores
    kept.flush()
    del kept
    draft.replace(path)


def compare(scorer: Scorer, readings: Sequence[Reading], source: Path) -> Quality:
    """Compare what a model expects with what ``keep`` wrote of its source.

    Raises:
        ModelError: the two have not the same tokens.

    """
    kept = np.load(source, mmap_mode="r")
    if kept.shape[1] != scorer.vocabulary:
        raise ModelError(
            f"The model knows {scorer.vocabulary} tokens and its source {kept.shape[1]}."
        )
    kls, same, loss, texts = [], 0, 0.0, []
    for row, (text, token, scores) in enumerate(_judged(scorer, readings)):
        wanted = kept[row].astype(np.float32)
        wanted -= np.log(np.exp(wanted).sum())
        kls.append(float(np.sum(np.exp(wanted) * (wanted - scores))))
        same += int(wanted.argmax() == scores.argmax())
        loss -= float(scores[token])
        texts.append(text)
    count = len(kls)
    return Quality(
        tokens=count,
        kl=sum(kls) / count,
        kl_error=_error(np.array(kls), np.array(texts)),
        top1=same / count,
        perplexity=math.exp(loss / count),
    )


def _judged(scorer: Scorer, readings: Sequence[Reading]) -> Iterator[tuple[int, int, Scores]]:
    """Yield each judged token with its text's number and what was expected before it."""
    for number, reading in enumerate(readings):
        following = zip(reading.tokens[1:], reading.judged[1:], strict=True)
        tokens = [token for token, judged in following if judged]
        scored = scorer.scores(reading.tokens, reading.judged)
        for token, scores in zip(tokens, scored, strict=True):
            yield number, token, scores


def _error(values: NDArray[np.float64], texts: NDArray[np.int64]) -> float:
    """Return the standard error of the mean of ``values``, which come in ``texts``."""
    sums = np.bincount(texts, values - values.mean())
    return float(np.sqrt(np.sum(sums**2)) / len(values))
