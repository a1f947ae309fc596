"""Chooses a reply's tokens: a chain of llama.cpp's samplers."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import llama_cpp as lib

CANDIDATES = 64
"""The likeliest tokens, which alone go through the rest of the chain: the whole vocabulary is
slow, and no reply needs its sixty-fifth choice."""

LOOP_GROWTH, LOOP_FREE = 1.75, 2
"""The penalty of a token that would repeat a phrase grows with each token that the phrase is
longer than two. Both are the defaults of llama.cpp (its "DRY" sampler)."""

LOOP_WINDOW = 256
"""Tokens of the reply that are searched for the phrase."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose.

    ``temperature`` 0 takes the likeliest token, more leaves it to chance, by ``seed``, among
    those that are at least ``min_p`` times as likely as the likeliest. ``loop_penalty`` keeps
    a small model from saying a phrase again and again; 0 is none. A penalty on every repeated
    word would do that too, and cost right answers: it bars the words of the question.
    """

    temperature: float
    min_p: float
    loop_penalty: float
    seed: int


class Sampler:
    """A chain that serves one reply after the other. Freed with the last reference."""

    def __init__(self, sampling: Sampling, vocab: lib.llama_vocab_p) -> None:
        self.pointer = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        weakref.finalize(self, lib.llama_sampler_free, self.pointer).atexit = False
        penalty, most = sampling.loop_penalty, LOOP_WINDOW
        self._add(lib.llama_sampler_init_top_k(CANDIDATES))
        self._add(lib.llama_sampler_init_dry(vocab, penalty, LOOP_GROWTH, LOOP_FREE, most, None, 0))
        if sampling.temperature == 0:
            self._add(lib.llama_sampler_init_greedy())
        else:
            self._add(lib.llama_sampler_init_min_p(sampling.min_p, 1))
            self._add(lib.llama_sampler_init_temp(sampling.temperature))
            self._add(lib.llama_sampler_init_dist(sampling.seed))

    def start(self) -> None:
        """Forget the last reply, and begin the random numbers again."""
        lib.llama_sampler_reset(self.pointer)

    def _add(self, link: lib.llama_sampler_p | None) -> None:
        lib.llama_sampler_chain_add(self.pointer, link)  # which frees its links itself
