"""Opens ONNX models so that they share the device with everything else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnxruntime as ort

from edgevoice.errors import ModelDamaged, ModelError


def open_session(path: Path, *, threads: int, inputs: Iterable[str]) -> Any:
    """Return the ``InferenceSession`` of ``path``, whose threads sleep when they wait.

    Raises:
        ModelDamaged: the file cannot be read as a model.
        ModelError: the model does not take ``inputs``, so it is one of another kind.

    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A pattern is kept of each shape of input, and no two utterances have the same.
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelDamaged(f"{path} cannot be read as a model: {error}") from error
    if missing := set(inputs) - {taken.name for taken in session.get_inputs()}:
        raise ModelError(f"{path} is not the right kind of model: no input {min(missing)!r}.")
    return session
