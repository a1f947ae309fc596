"""Quantizing in a process of its own: ``python -m THIS IN.gguf OUT.gguf TYPE``."""

from __future__ import annotations

import sys

import llama_cpp


def requantize(source: str, target: str, type_name: str) -> int:
    """Write ``source`` with weights of ``type_name`` (as Q8_0). Returns llama.cpp's status."""
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{type_name}")
    # What is downloaded is quantized already; llama.cpp refuses that unless told it is meant.
    params.allow_requantize = True
    return int(llama_cpp.llama_model_quantize(source.encode(), target.encode(), params))


if __name__ == "__main__":
    sys.exit(requantize(*sys.argv[1:4]))
