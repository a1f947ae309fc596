"""From bundles to the rungs of a plan: what each needs, and which stand under which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from edgevoice.backends import engines, gguf
from edgevoice.core.bundle import Bundle, Role
from edgevoice.core.rung import Need, Rung
from edgevoice.errors import EdgeVoiceError

LEAST_CONTEXT = 512
"""Tokens: a system prompt, a question and a reply, and little more."""


def ladders(
    bundles: Iterable[Bundle],
    chosen: Mapping[Role, str],
    context_tokens: int = 2048,
    measured_mb: Mapping[str, float] = {},
) -> dict[Role, list[Rung]]:
    """Return the ladder of each role that has a ``chosen`` bundle.

    ``measured_mb`` is the memory that bundles took on this device, by name, where it is known.

    The chosen one stands at the top. Under it stand those that need less memory and know its
    language, from the largest to the smallest. Bundles whose needs cannot be told are left out.
    """
    known = list(bundles)
    return {
        role: _ladder(
            [each for each in known if each.role is role], name, context_tokens, measured_mb
        )
        for role, name in chosen.items()
        if any(each.name == name for each in known)
    }


def rung(bundle: Bundle, context_tokens: int = 2048, measured_mb: float = 0.0) -> Rung:
    """Return ``bundle`` as a rung; an LLM's cache may be shortened, and stored in fewer bits.

    ``measured_mb`` counts instead of the manifest's figure, which is another device's, but not
    for a GGUF file: its need is reckoned for each length of the cache.

    Raises:
        EdgeVoiceError: its files are damaged, or its engine is missing.

    """
    if bundle.engine != "gguf":
        return Rung(bundle.name, bundle.role, (Need(measured_mb or engines.need_mb(bundle)),))
    weights_mb = sum(f.size_bytes for f in bundle.files if f.name.endswith(".gguf")) / 1e6
    halves = [context_tokens // 2, context_tokens // 4]
    ways = [(context_tokens, "f16"), (context_tokens, "q8_0")]
    ways += [(tokens, "q8_0") for tokens in halves if tokens >= LEAST_CONTEXT]
    needs = tuple(_need(bundle, tokens, kv_type) for tokens, kv_type in ways)
    return Rung(bundle.name, bundle.role, needs, weights_mb)


def _need(bundle: Bundle, tokens: int, kv_type: str) -> Need:
    with_type = replace(bundle, options={**bundle.options, "kv_type": kv_type})
    return Need(gguf.need_mb(with_type, tokens), tokens, kv_type, gguf.mapped_mb(bundle))


def _ladder(
    bundles: Sequence[Bundle], top: str, context_tokens: int, measured_mb: Mapping[str, float]
) -> list[Rung]:
    first = next(each for each in bundles if each.name == top)
    rungs = []
    for bundle in bundles:
        if bundle is first or not first.languages or set(first.languages) & set(bundle.languages):
            try:
                rungs.append(rung(bundle, context_tokens, measured_mb.get(bundle.name, 0.0)))
            except EdgeVoiceError:
                if bundle is first:
                    raise
    best = next(each for each in rungs if each.bundle == top)
    under = [each for each in rungs if each.needs[0].mb < best.needs[0].mb]
    return [best, *sorted(under, key=lambda each: -each.needs[0].mb)]
