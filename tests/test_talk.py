"""``edgevoice talk`` as a person runs it: real models, recorded speech, files in and out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgevoice.core.words import plain_words
from edgevoice.runtime.wav import read_wav
from tests.recordings import clip, placed, save

pytestmark = pytest.mark.models


def talk(*arguments: str, text: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the verb and expect the exit status ``code``."""
    done = subprocess.run(
        [sys.executable, "-m", "edgevoice", "talk", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def lines(done: subprocess.CompletedProcess[str], kind: str) -> list[Any]:
    """The JSON lines of one kind."""
    return [line for line in map(json.loads, done.stdout.splitlines()) if line["kind"] == kind]


@pytest.fixture(scope="module")
def three_questions(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An utterance, a second one over the reply to it, and after a pause a third one."""
    folder = tmp_path_factory.mktemp("talk")
    question = save(
        placed(
            (0.5, clip("who-sent-it")),
            (5.0, clip("weasels")),
            (25.0, clip("monkeys")),
            total_s=28.0,
        ),
        folder / "questions.wav",
    )
    trace = folder / "trace.jsonl"
    done = talk(
        "--input", str(question), "--output", str(folder / "reply.wav"), "--fast", "--json",
        "--trace", str(trace), "--set", "trace.words=true",
    )  # fmt: skip
    return done, folder, trace


def test_each_question_is_transcribed(three_questions: Any) -> None:
    done, _, _ = three_questions
    heard = [line["text"] for line in lines(done, "heard")]
    assert [" ".join(plain_words(text)) for text in heard] == [
        "i'm afraid i don't know who sent this message",
        "weasels have eaten our phone system",
        "they have been carried away by monkeys",
    ]


def test_the_reply_is_cut_at_the_barge_in_and_the_next_question_answered(
    three_questions: Any,
) -> None:
    done, folder, _ = three_questions
    (cut,) = lines(done, "cut")
    replies = " ".join(line["text"] for line in lines(done, "reply"))
    assert cut["text"]
    assert cut["text"] in replies
    audio, rate = read_wav(folder / "reply.wav")
    speech_s = 5.0 + 0.1  # the recording begins with a little silence
    after = audio[round((speech_s + 0.5) * rate) : round((speech_s + 1.2) * rate)]
    before = audio[round((speech_s - 0.7) * rate) : round(speech_s * rate)]
    assert np.abs(before).max() > 0.01
    assert np.abs(after).max() == 0.0
    assert lines(done, "reply")[-1]["at"] > cut["at"]


def test_the_history_is_what_was_heard(three_questions: Any) -> None:
    done, _, trace = three_questions
    prompts = [
        line["messages"]
        for line in map(json.loads, trace.read_text().splitlines())
        if line.get("kind") == "Generate"
    ]
    (cut,) = lines(done, "cut")
    said = [message["text"] for message in prompts[-1]]
    assert cut["text"] in said
    assert said[-1].startswith("They have been carried")


def test_the_trace_replays_without_a_difference(three_questions: Any) -> None:
    _, _, trace = three_questions
    done = subprocess.run(
        [sys.executable, "-m", "edgevoice", "replay", str(trace)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_trace_holds_no_words_unless_asked(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    done = talk(
        "--input", "tests/data/who-sent-it.wav", "--fast", "--mute", "--json", "--trace", str(trace)
    )
    text = trace.read_text().lower()
    for said in (*lines(done, "heard"), *lines(done, "reply")):
        for word in said["text"].lower().split():
            assert len(word) < 5 or f'"{word}' not in text
    assert "afraid" not in text
    replayed = subprocess.run(
        [sys.executable, "-m", "edgevoice", "replay", str(trace)], capture_output=True, text=True
    )
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr


def test_it_talks_in_real_time_through_files(tmp_path: Path) -> None:
    reply = tmp_path / "reply.wav"
    done = talk("--input", "tests/data/who-sent-it.wav", "--output", str(reply), "--json")
    assert [line["text"] for line in lines(done, "heard")] == [
        "I'm afraid I don't know who sent this message."
    ]
    assert {"stt", "llm", "tts", "endpoint", "voice to voice"} <= set(
        lines(done, "stages")[0]["seconds"]
    )
    audio, _ = read_wav(reply)
    assert np.abs(audio).max() > 0.05


def test_typing_instead_of_speaking() -> None:
    done = talk("--text", "--mute", "--json", text="What is the capital of France?\nThank you.\n")
    assert [line["text"] for line in lines(done, "heard")] == [
        "What is the capital of France?",
        "Thank you.",
    ]
    assert "Paris" in " ".join(line["text"] for line in lines(done, "reply"))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--input", "absent.wav"], 1, "absent.wav cannot be read"),
        (["--input", "README.md"], 1, "is no WAV file"),
        (["--fast"], 2, "--fast needs a recording"),
        (["--set", "llm.contxt=1"], 2, "llm.context"),
        (["--set", "stt.bundle=smollm2-135m", "--text"], 1, "smollm2-135m"),
        (["--set", "llm.bundle=smollm3", "--text"], 2, "smollm3"),
        (["--models", "/nowhere", "--text"], 1, "edgevoice pull"),
        (["--config", "absent.toml"], 2, "absent.toml"),
    ],
)
def test_bad_input_gets_a_line_that_helps(arguments: list[str], code: int, says: str) -> None:
    done = talk(*arguments, code=code)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) <= 3
