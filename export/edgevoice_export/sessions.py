"""ONNX Runtime sessions for comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime as ort


def open_session(file: Path) -> Any:
    """Return a session on one thread, so that a comparison is repeatable."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
