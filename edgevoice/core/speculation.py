"""How much is done before the turn is sure to be over."""

from __future__ import annotations

from typing import Literal

Speculation = Literal["off", "prefill", "draft"]
"""Nothing; reading the prompt; or making the first of the reply as well."""

_ORDER: tuple[Speculation, ...] = ("off", "prefill", "draft")


def lesser(one: Speculation, other: Speculation) -> Speculation:
    """Return the one with less work."""
    return min(one, other, key=_ORDER.index)
