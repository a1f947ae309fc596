"""The command line: a table of verbs, each imported only when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import cast

from edgevoice.errors import BackendMissing, EdgeVoiceError

VERBS = {
    "talk": ("edgevoice.cli.talk", "talk to the assistant"),
    "pull": ("edgevoice.cli.pull", "bring a model to this device"),
    "list": ("edgevoice.cli.list", "show the models there are, and those on this device"),
    "show": ("edgevoice.cli.show", "show all that is known of a model"),
    "rm": ("edgevoice.cli.rm", "remove a model from this device"),
    "doctor": ("edgevoice.cli.doctor", "check sound, models, memory and processor"),
    "plan": ("edgevoice.cli.plan", "show what would run on this device, and what limits it"),
    "tune": ("edgevoice.cli.tune", "measure the models on this device, for plans to reckon with"),
    "replay": ("edgevoice.cli.replay", "run a trace again and show the first difference"),
    "export": ("edgevoice_export.cli", "turn a checkpoint into a bundle"),
    "quantize": ("edgevoice_quantize.cli", "make a bundle smaller and measure what it lost"),
}

INTERRUPTED = 130
"""The shell's exit status for a program ended by Ctrl-C (128 + SIGINT)."""


def main(argv: list[str] | None = None) -> int:
    """Run one verb. Returns the exit status: 0 done, 1 failed, 2 misused, 130 interrupted."""
    verb, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if verb in {"-h", "--help"}:
        print(_usage())
        return 0
    if verb not in VERBS:
        print(f"edgevoice: there is no verb {verb!r}.\n{_usage()}", file=sys.stderr)
        return 2
    try:
        return _load(verb)(rest)
    except EdgeVoiceError as error:
        print(f"edgevoice {verb}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output, as `head` does, has enough; nothing may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _usage() -> str:
    verbs = "\n".join(f"  {name:10}{summary}" for name, (_, summary) in VERBS.items())
    return f"usage: edgevoice VERB [options]\n\n{verbs}\n\n  edgevoice VERB --help tells more."


def _load(verb: str) -> Callable[[list[str]], int]:
    """Import the verb's module and return its ``main``."""
    try:
        module = import_module(VERBS[verb][0])
    except ModuleNotFoundError as missing:
        raise BackendMissing(str(missing.name), extra=verb) from missing
    # In quotes: importing the verb "list" has put a module of that name in this namespace.
    return cast("Callable[[list[str]], int]", module.main)
