"""``edgevoice`` in a process of its own, as a user runs it, with bundles of a test's own."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgevoice.runtime.bundles.catalogue import Recipe

CODE = """
import pickle, sys
from edgevoice.cli import main
from edgevoice.runtime.bundles import catalogue, disk, download
download.PAUSE_S = 0.0
disk.SPARE_BYTES = 0
known = catalogue.catalogue() | pickle.loads(bytes.fromhex(sys.argv.pop()))
catalogue.catalogue = lambda: known
sys.exit(main(sys.argv[1:]))
"""


def command(*arguments: str, known: Mapping[str, Recipe], before: str = "") -> list[str]:
    """Return a command line; ``before`` is Python that runs first."""
    code = [sys.executable, "-c", before + CODE]
    return [*code, *arguments, pickle.dumps(dict(known)).hex()]


def edgevoice(
    *arguments: str,
    models: Path,
    known: Mapping[str, Recipe] | None = None,
    before: str = "",
    inside: Sequence[str] = (),
) -> tuple[int, str]:
    """Run a verb, ``inside`` another command; return its exit status and all it said."""
    line = command(*arguments, "--models", str(models), known=known or {}, before=before)
    run = subprocess.run([*inside, *line], capture_output=True, text=True, timeout=120)
    said = run.stdout + run.stderr
    assert "Traceback" not in said, said
    return run.returncode, said
