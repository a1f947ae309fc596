"""The child's side of gathering an importance matrix: llama.cpp and its memory stay in here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgevoice_quantize import child, imatrix


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Write the importance of ``job["model"]`` while it reads ``job["texts"]`` to a file."""
    importance = imatrix.gather(Path(job["model"]), job["texts"])
    imatrix.save(importance, Path(job["target"]))
    return {"tensors": len(importance)}


if __name__ == "__main__":
    child.answer(work)
