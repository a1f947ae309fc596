"""Benchmarks: every figure of the project is ``python -m bench.NAME``, with ``--json FILE``."""
