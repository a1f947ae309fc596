"""Rounding a matrix to 4 bits in blocks of its inputs, as ONNX Runtime's ``MatMulNBits`` has it.

Each output has for each block of inputs a scale and a zero point: value = scale * (code - zero).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Codes = NDArray[np.int64]
Bytes = NDArray[np.uint8]

MOST = 15
MIDDLE = 8
"""The zero point of the symmetric form, in which none is stored."""

HQQ_ROUNDS, HQQ_NORM, HQQ_WEIGHT, HQQ_GROWTH = 20, 0.7, 10.0, 1.01
"""Rounds, norm of the error, weight of its coupling and that weight's growth by the round: those
that Half-Quadratic Quantization (Badri and Shaji, 2023) was published with."""

ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Int4:
    """A matrix of ``outputs`` by ``inputs``.

    Attributes:
        codes: shape (outputs, blocks, block size / 2), the lower half of a byte first.
        scales: shape (outputs, blocks).
        zeros: whole ones two to a byte, shape (outputs, ceil(blocks / 2)); or as float32, shape
            (outputs, blocks); None for the symmetric form.

    """

    codes: Bytes
    scales: Floats
    zeros: Bytes | Floats | None
    inputs: int
    block: int

    @property
    def outputs(self) -> int:
        """How many there are."""
        return len(self.codes)

    def values(self) -> Floats:
        """Return the matrix again: outputs by inputs."""
        low, high = self.codes & 15, self.codes >> 4
        codes = np.stack([low, high], -1).reshape(self.outputs, -1, self.block)
        found = (codes - self._zeros()[..., None]) * self.scales[..., None]
        return np.asarray(found.reshape(self.outputs, -1)[:, : self.inputs], np.float32)

    def _zeros(self) -> Floats:
        if self.zeros is None:
            return np.full_like(self.scales, MIDDLE)
        if self.zeros.dtype == np.float32:
            return np.asarray(self.zeros, np.float32)
        packed = self.zeros.astype(np.uint8)
        halves = np.stack([packed & 15, packed >> 4], -1).reshape(self.outputs, -1)
        return np.asarray(halves[:, : self.scales.shape[1]], np.float32)


Rounding = Callable[[Floats], tuple[Codes, Floats, Floats]]
"""From blocks to codes, scales and zero points."""


def quantize(matrix: Floats, rounding: Rounding, block: int) -> Int4:
    """Return ``matrix``, outputs by inputs, in 4 bits by ``rounding``."""
    outputs, inputs = matrix.shape
    blocks = -(-inputs // block)
    padded = np.zeros((outputs, blocks * block), np.float32)
    padded[:, :inputs] = matrix
    parts = [
        rounding(rows.reshape(-1, blocks, block))
        for rows in np.split(padded, range(ROWS_AT_ONCE, outputs, ROWS_AT_ONCE))
    ]
    codes, scales, zeros = (np.concatenate(each) for each in zip(*parts, strict=True))
    pairs = codes.astype(np.uint8).reshape(outputs, blocks, block // 2, 2)
    packed = np.asarray(pairs[..., 0] | pairs[..., 1] << 4, np.uint8)
    return Int4(packed, scales.astype(np.float32), _stored(zeros), inputs, block)


def symmetric(blocks: Floats) -> tuple[Codes, Floats, Floats]:
    """Round to nearest about zero; the value that is largest by its size is met exactly."""
    at = np.abs(blocks).argmax(-1)[..., None]
    scales = np.take_along_axis(blocks, at, -1)[..., 0] / -MIDDLE
    zeros = np.full_like(scales, MIDDLE)
    return _codes(blocks, scales, zeros), scales, zeros


def asymmetric(blocks: Floats) -> tuple[Codes, Floats, Floats]:
    """Round to nearest between the least and the largest value; zero is met exactly."""
    least, largest = np.minimum(blocks.min(-1), 0), np.maximum(blocks.max(-1), 0)
    scales = (largest - least) / MOST
    zeros = np.rint(-least / _not_zero(scales))
    return _codes(blocks, scales, zeros), scales, zeros


def hqq(blocks: Floats) -> tuple[Codes, Floats, Floats]:
    """Let zero points settle where few large errors remain, by half-quadratic splitting.

    They are no whole numbers then. Of each block the round counts that was off by the least.
    """
    least, largest = blocks.min(-1), blocks.max(-1)
    scales = (largest - least) / MOST
    # In units of a step: what is a large error must not depend on the size of the weights.
    units = blocks / _not_zero(scales)[..., None]
    zeros, weight = -least / _not_zero(scales), HQQ_WEIGHT
    kept, best = zeros, np.full_like(scales, np.inf)
    for _ in range(HQQ_ROUNDS):
        codes = np.clip(np.rint(units + zeros[..., None]), 0, MOST)
        off = units - codes + zeros[..., None]
        spread = np.abs(off)
        error = spread.mean(-1)
        kept, best = np.where(error < best, zeros, kept), np.minimum(error, best)
        shrink = np.power(np.maximum(spread, 1e-8), HQQ_NORM - 1) / weight
        shrunk = np.sign(off) * np.maximum(spread - shrink, 0)
        zeros = (codes - units + shrunk).mean(-1)
        weight *= HQQ_GROWTH
    return _codes(blocks, scales, kept), scales, kept


def whole_zeros(rounding: Rounding) -> Rounding:
    """Return ``rounding`` with zero points rounded, and codes chosen for these."""

    def rounded(blocks: Floats) -> tuple[Codes, Floats, Floats]:
        _, scales, zeros = rounding(blocks)
        whole = np.clip(np.rint(zeros), 0, MOST)
        return _codes(blocks, scales, whole), scales, whole

    return rounded


def _codes(blocks: Floats, scales: Floats, zeros: Floats) -> Codes:
    steps = _not_zero(scales)[..., None]
    found: Codes = np.clip(np.rint(blocks / steps + zeros[..., None]), 0, MOST).astype(np.int64)
    return found


def _not_zero(scales: Floats) -> Floats:
    found: Floats = np.where(scales == 0, np.float32(1), scales)
    return found


def _stored(zeros: Floats) -> Bytes | Floats | None:
    if (zeros == MIDDLE).all():
        return None
    if (zeros != np.rint(zeros)).any():
        return zeros.astype(np.float32)
    halves = np.full((len(zeros), -(-zeros.shape[1] // 2) * 2), MIDDLE, np.uint8)
    halves[:, : zeros.shape[1]] = zeros
    pairs = halves.reshape(len(zeros), -1, 2)
    packed: Bytes = pairs[..., 0] | pairs[..., 1] << 4
    return packed
