"""What ONNX Runtime's static quantizer is handed, and what it drops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}


class Reader(CalibrationDataReader):  # type: ignore[misc]  # the library has no types
    """Hands the feeds to the library one by one."""

    def __init__(self, feeds: Iterator[dict[str, NDArray[Any]]]) -> None:
        """Take them as they come."""
        self._feeds = feeds

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """Return the next, None after the last."""
        return next(self._feeds, None)


def keep_metadata(source: Any, target_file: Path) -> None:
    """Write the metadata of ``source`` into the file: without it sherpa-onnx ends the process."""
    made = onnx.load(target_file)
    del made.metadata_props[:]
    made.metadata_props.extend(source.metadata_props)
    onnx.save(made, target_file)
