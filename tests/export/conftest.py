"""Tests of `edgevoice export`. Those in `with_torch` are run where edgevoice[export] is installed.

python -m pytest tests/export
"""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") and find_spec("onnx") else ["with_torch"]
