"""Python and the packages, above all those with native code."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import edgevoice
from edgevoice.cli.checks import child
from edgevoice.cli.checks.finding import Finding, ok, problem

MODULES = {
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "sherpa_onnx": "sherpa-onnx",
    "ctranslate2": "ctranslate2",
    "tokenizers": "tokenizers",
    "llama_cpp": "llama-cpp-python",
    "hibari": "hibari-tts",
    "soxr": "soxr",
    "rich": "rich",
    "jinja2": "jinja2",
    "pywebrtc_audio": "pywebrtc-audio",
}
"""Each module to import with its package. sounddevice is left to the check of the sound."""

TIMEOUT_S = 120.0
"""To import all: a few seconds on a laptop, most of a minute from a slow memory card."""

Ask = Callable[[Sequence[str]], child.Answer]


@dataclass(frozen=True, slots=True)
class Loaded:
    """How importing a module went: ``error`` is empty when well. ``system`` is llama.cpp's word."""

    error: str = ""
    system: str = ""


def ask(modules: Sequence[str]) -> child.Answer:
    """Import ``modules`` in a child."""
    return child.ask(Path(__file__).with_name("import_probe.py"), modules, TIMEOUT_S)


def load(modules: Sequence[str] = tuple(MODULES), ask: Ask = ask) -> dict[str, Loaded]:
    """Import each of ``modules``, and after a crash the ones behind it."""
    answer = ask(modules)
    loaded = {each["module"]: Loaded(each["error"], each["system"]) for each in answer.objects}
    rest = [module for module in modules if module not in loaded]
    if rest and answer.ending:
        loaded[rest[0]] = Loaded(answer.ending)
        loaded |= load(rest[1:], ask) if len(rest) > 1 else {}
    return loaded


def check(loaded: Mapping[str, Loaded]) -> list[Finding]:
    """Say which packages do not load."""
    findings = [
        ok("python", f"Python {platform.python_version()}, edgevoice {edgevoice.__version__}")
    ]
    broken = {module: each.error for module, each in loaded.items() if each.error}
    for module, error in broken.items():
        package = MODULES[module]
        if error.startswith("ModuleNotFoundError") and not _version(package):
            findings.append(
                problem("packages", f"{package} is not installed.", f"pip install {package}")
            )
        else:
            findings.append(
                problem("packages", f"{package} does not load: {error}.", _repair(package))
            )
    if not broken:
        names = [f"{MODULES[module]} {_version(MODULES[module])}" for module in loaded]
        findings.append(ok("packages", ", ".join(names)))
    return findings


def _repair(package: str) -> str:
    # The one package that is compiled where it is installed.
    build = "--no-binary llama-cpp-python " if package == "llama-cpp-python" else ""
    return f"pip install --force-reinstall --no-cache-dir --no-deps {build}{package}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
