"""Texts that a language model reads in calibration and is judged by: talks, and plain prose.

    > What is the capital of France?
    The capital of France is Paris.

    A paragraph whose first line has no such mark is prose.

Blank lines part the texts. A talk is judged by what the assistant says in it, prose by all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgevoice.core.history import Message
from edgevoice.errors import EdgeVoiceError
from edgevoice_quantize.held_out import Item

TALKS = Path(__file__).parent / "data" / "talks.txt"
"""Talks as a voice assistant has them, written for this project."""

SYSTEM = "You are a friendly voice assistant. Answer in one or two short, plain sentences."

MOST_TOKENS = 512
"""A longer text is cut off there."""

_USER = "> "


class Tokenizer(Protocol):
    """What lays texts out as tokens: a model, or one half of it."""

    end: int
    """The token that ends a reply."""

    def render(self, messages: Sequence[Message]) -> list[int]:
        """Return the prompt that the assistant's reply to ``messages`` continues."""
        ...

    def encode(self, text: str) -> list[int]:
        """Return the tokens of ``text``, without any before or after it."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as a model reads it: its tokens, and which of them it is judged by."""

    tokens: tuple[int, ...]
    judged: tuple[bool, ...]


def read(data: Path | None) -> list[Item]:
    """Return the texts in ``data``, a text file or a folder of them, or the package's own.

    Raises:
        EdgeVoiceError: there are none, or one is not text.

    """
    data = data or TALKS
    files = sorted(data.glob("*.txt")) if data.is_dir() else [data]
    items = {}
    for file in files:
        try:
            content = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise EdgeVoiceError(f"{file} is not a text in UTF-8: {error}.") from error
        for paragraph in content.replace("\r\n", "\n").split("\n\n"):
            if text := paragraph.strip():
                # Named by what is asked, the same question is on the same side in every set.
                items[text.splitlines()[0].removeprefix(_USER)] = text
    if not items:
        raise EdgeVoiceError(f"There is no text in {data}.", hint="--data with .txt files")
    return [Item(name, text) for name, text in items.items()]


def lay_out(text: str, tokenizer: Tokenizer) -> Reading:
    """Return how ``text`` is read: a talk in the model's own chat template."""
    if not text.startswith(_USER):
        tokens = tokenizer.encode(text)
        return _cut(tokens, [True] * len(tokens))
    tokens, judged = list[int](), list[bool]()
    talk = [Message("system", SYSTEM)]
    for line in text.splitlines():
        if line.startswith(_USER):
            talk.append(Message("user", line.removeprefix(_USER)))
            continue
        prompt = tokenizer.render(talk)
        said = [*tokenizer.encode(line), tokenizer.end]
        # What was judged before stays so as far as the template left it where it was.
        same = prompt[: len(tokens)] == tokens
        judged = [*(judged if same else []), *[False] * len(prompt)][: len(prompt)]
        tokens, judged = [*prompt, *said], [*judged, *[True] * len(said)]
        talk.append(Message("assistant", line))
    return _cut(tokens, judged)


def _cut(tokens: list[int], judged: list[bool]) -> Reading:
    return Reading(tuple(tokens[:MOST_TOKENS]), tuple(judged[:MOST_TOKENS]))
