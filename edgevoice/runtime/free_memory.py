"""Gives memory back that was freed but is still kept by the C library."""

from __future__ import annotations

import ctypes
import gc


def give_back() -> None:
    """Return freed memory to the system; does nothing where the C library cannot (Android's)."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
