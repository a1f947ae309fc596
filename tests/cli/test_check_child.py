"""Asking a child process: whatever it does, there is an answer."""

import os
import signal
from pathlib import Path

import pytest

from edgevoice.cli.checks import child
from edgevoice.cli.checks.child import Answer

CRASH = "crash: Aborted"


def program(folder: Path, code: str) -> Path:
    path = folder / "probe.py"
    path.write_text(code)
    return path


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("print('chatter\\n{\"a\": 1}\\n[2]\\n3')", Answer(({"a": 1},))),
        ("print('{\"a\": 1}', flush=True)\nimport os; os.abort()", Answer(({"a": 1},), CRASH)),
        ("raise SystemExit(255)", Answer((), "exit status 255")),
        ("import time; time.sleep(600)", Answer((), "no answer for 1 s")),
    ],
    ids=["well", "a crash", "an exit", "a hang"],
)
def test_a_child_ends_one_way_or_another(tmp_path: Path, code: str, answer: Answer) -> None:
    assert child.ask(program(tmp_path, code), [], 1.0 if "sleep" in code else 30.0) == answer


def test_a_child_that_hangs_is_ended(tmp_path: Path) -> None:
    code = (
        "import json, os, time\n"
        "print(json.dumps({'pid': os.getpid()}), flush=True)\n"
        "time.sleep(600)\n"
    )
    answer = child.ask(program(tmp_path, code), [], 3.0)
    with pytest.raises(ProcessLookupError):
        os.kill(answer.objects[0]["pid"], 0)


def test_a_server_that_the_child_started_is_not_waited_for(tmp_path: Path) -> None:
    code = """import json, subprocess
print(json.dumps({"pid": subprocess.Popen(["sleep", "600"]).pid}))
"""
    answer = child.ask(program(tmp_path, code), [], 30.0)
    assert answer.ending == ""
    os.kill(answer.objects[0]["pid"], signal.SIGKILL)
