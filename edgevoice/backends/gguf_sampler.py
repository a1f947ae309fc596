"""Chooses a reply's tokens: a chain of llama.cpp's samplers."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import llama_cpp as lib

CANDIDATES = 64
"""The likeliest tokens, which alone go through the rest of the chain: penalties on a whole
vocabulary are slow, and no reply needs its sixty-fifth choice."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose.

    ``temperature`` 0 takes the likeliest token. ``min_p`` leaves out tokens less likely than
    that share of the likeliest. ``repeat_penalty`` divides the score of the tokens among the
    reply's last ``repeat_window``; 1 is none. The same ``seed`` chooses the same.
    """

    temperature: float
    min_p: float
    repeat_penalty: float
    repeat_window: int
    seed: int


class Sampler:
    """A chain that is used for one reply after the other. Freed with the last reference."""

    def __init__(self, sampling: Sampling, vocabulary: int) -> None:
        self.pointer = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        weakref.finalize(self, lib.llama_sampler_free, self.pointer)
        self._add(lib.llama_sampler_init_top_k(CANDIDATES))
        if sampling.repeat_penalty != 1:
            self._add(
                lib.llama_sampler_init_penalties(
                    vocabulary, sampling.repeat_window, sampling.repeat_penalty, 0.0, 0.0
                )
            )
        if sampling.temperature == 0:
            self._add(lib.llama_sampler_init_greedy())
            return
        self._add(lib.llama_sampler_init_min_p(sampling.min_p, 1))
        self._add(lib.llama_sampler_init_temp(sampling.temperature))
        self._add(lib.llama_sampler_init_dist(sampling.seed))

    def start(self) -> None:
        """Forget the last reply, and begin the random numbers again."""
        lib.llama_sampler_reset(self.pointer)

    def _add(self, link: lib.llama_sampler_p | None) -> None:
        lib.llama_sampler_chain_add(self.pointer, link)  # the chain frees its links
