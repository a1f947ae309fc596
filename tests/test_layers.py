"""cli -> serve -> runtime -> backends -> core, on the ground floor of cancel and errors."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "edgevoice"

LAYERS = ["errors", "cancel", "core", "backends", "runtime", "serve", "cli", "__main__"]
"""Each may import itself and what stands before it."""

PURE = {
    *("__future__", "bisect", "collections", "dataclasses", "difflib", "enum", "functools"),
    *("heapq", "html", "itertools", "json", "math", "operator", "pathlib", "re", "string"),
    *("types", "typing", "unicodedata", "edgevoice"),
}
"""All that the core may import: nothing here knows the time, a thread, a device or chance."""

EFFECTS = {
    *("open", "input", "print", "exec", "eval", "__import__", "import_module"),
    *("read_text", "read_bytes", "write_text", "write_bytes", "exists", "is_file", "is_dir"),
    *("stat", "iterdir", "glob", "rglob", "mkdir", "unlink", "touch", "rename", "rmdir"),
    *("cwd", "home", "expanduser", "resolve", "absolute"),
}
"""What a core that may name a ``Path`` could still do to the world."""

MODULES = sorted(PACKAGE.rglob("*.py"))
CORE = sorted((PACKAGE / "core").rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(source: str) -> Iterator[str]:
    """Every module that ``source`` names in an import, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the layer; write the full name"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(source: str) -> Iterator[str]:
    """The last name of everything that ``source`` calls."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node.func.id


def layer_of(module: str) -> str:
    """The layer of ``module``; the package's own ``__init__`` is part of the ground floor."""
    return [*module.split("."), "errors"][1]


def upward(module: str, source: str) -> list[str]:
    """What ``module`` imports from above its layer."""
    ours = [name for name in imports(source) if name.startswith("edgevoice.")]
    height = LAYERS.index(layer_of(module))
    return [
        f"{module} imports {name}"
        for name in ours
        if layer_of(name) in LAYERS and LAYERS.index(layer_of(name)) > height
    ]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_imports_from_a_layer_above_it(path: Path) -> None:
    assert upward(name_of(path), path.read_text()) == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_runtime_does_not_know_the_toolchain(path: Path) -> None:
    toolchain = ("edgevoice_export", "edgevoice_quantize", "bench", "tests")
    assert [name for name in imports(path.read_text()) if name.startswith(toolchain)] == []


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_imports_nothing_that_is_not_pure(path: Path) -> None:
    assert {name.split(".")[0] for name in imports(path.read_text())} <= PURE


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_touches_no_file_and_no_screen(path: Path) -> None:
    assert sorted(EFFECTS.intersection(calls(path.read_text()))) == []


def test_the_core_runs_on_the_standard_library_alone_and_without_a_socket() -> None:
    # -S leaves site-packages out, so an import of numpy or of any native library fails.
    program = f"import sys, {', '.join(map(name_of, CORE))}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.stderr == ""
    assert {"socket", "_socket", "ssl", "asyncio", "subprocess"}.isdisjoint(loaded.stdout.split())


def test_these_rules_notice_what_they_forbid() -> None:
    late = "def later():\n    from edgevoice.runtime import lane\n"
    assert upward("edgevoice.core.words", late)
    assert upward("edgevoice.cancel", "import edgevoice.core.words")
    assert upward("edgevoice.runtime.lane", "from edgevoice import cli")
    assert not upward("edgevoice.runtime.lane", "from edgevoice.core import events")
    assert list(calls("path.read_text(); open(path)")) == ["read_text", "open"]
