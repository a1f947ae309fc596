"""What the terminal shows of a talk, as lines of text. It knows no terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal

from rich.console import Console
from rich.text import Text

from edgevoice.cli.view import VOICE_TO_VOICE, milliseconds

LOOKS = {
    "idle": ("○", "dim"),
    "listening": ("●", "green"),
    "thinking": ("◐", "magenta"),
    "speaking": ("●", "cyan"),
    "held": ("◌", "yellow"),
}
"""A sign and a style per phase. The sixteen named colours follow the user's own theme."""

Speaker = Literal["you", "edgevoice", "notice"]
SPEAKERS = {
    "you": ("you", "▌ ", "green"),
    "edgevoice": ("edgevoice", "▏ ", "cyan"),
    "notice": ("", "! ", "yellow"),
}
"""A name, a bar and a style per speaker. The bars differ, for a terminal without colours."""

STAGE_STYLES = ("blue", "green", "magenta", "cyan", "yellow")
QUIET_DB, LOUD_DB = -60.0, -6.0
"""The least and greatest level that the meter tells apart: a quiet room, and near clipping."""

BARS = "▁▂▃▄▅▆▇█"
WIDEST = 100
"""In columns. Longer lines are tiring to read."""

MARGIN = 1
_MEASURE = Console(width=WIDEST, color_system=None)
"""Wraps text; never written to."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something said. ``clauses`` of a reply are as spoken; ``heard`` is what of it was heard."""

    who: Speaker
    clauses: tuple[str, ...]
    heard: str | None = None


@dataclass(slots=True)
class Scene:
    """All that is on the screen.

    ``meter`` has the levels in dB, each with the phase at the time, newest last.
    """

    models: Sequence[str] = ()
    memory_mb: float = 0.0
    spent: str = ""
    phase: str = "idle"
    partial: str = ""
    said: deque[Said] = field(default_factory=lambda: deque(maxlen=1000))
    stages: dict[str, float] = field(default_factory=dict)
    meter: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=WIDEST))

    def snapshot(self) -> Scene:
        """Return a copy that does not change any more."""
        return replace(self, said=self.said.copy(), meter=self.meter.copy())


def draw(scene: Scene, width: int, height: int) -> list[Text]:
    """Return exactly ``height`` lines of at most ``width`` columns."""
    width = min(width, WIDEST)
    head = [_header(scene, width), _meter(scene, width), Text()]
    foot = [Text(), *_stages(scene, width), _footer(scene, width)]
    if height < len(head) + len(foot) + 3:
        head, foot = head[:1], foot[-1:]
    room = max(0, height - len(head) - len(foot))
    talk = conversation(scene, width, room)
    talk += [Text()] * (room - len(talk))
    lines = [*head, *talk, *foot][:height]
    for line in lines:
        line.truncate(width)
    return lines


def conversation(scene: Scene, width: int, room: int | None = None) -> list[Text]:
    """Return what was said in lines, only the last ``room`` of them if given."""
    # Each thing said takes a line or more, so no more of them than lines can be seen.
    said = list(scene.said)[-(room or 0) :]
    lines: list[Text] = []
    for number, each in enumerate(said):
        if each.who == "you" and lines:
            lines.append(Text())
        now = scene.phase == "speaking" and number == len(said) - 1
        lines += _beside_label(each.who, _words(each, now), width)
    if scene.partial:
        lines += [Text()] if lines else []
        lines += _beside_label("you", Text(scene.partial + " …", "dim italic"), width)
    return lines if room is None else lines[max(0, len(lines) - room) :]


def _words(said: Said, now: bool) -> Text:
    if said.who == "notice":
        return Text(" ".join(said.clauses), "yellow")
    if said.heard is not None:
        cut = Text(said.heard).append(" — " if said.heard else "— ", "yellow")
        return cut.append(_unheard(said), "dim strike")
    words = Text(" ".join(said.clauses[:-1]))
    return words.append(" " if words else "").append(said.clauses[-1], "bold" if now else "")


def _unheard(said: Said) -> str:
    words = " ".join(said.clauses).split()
    heard = (said.heard or "").split()
    return " ".join(words[len(heard) :]) if words[: len(heard)] == heard else ""


def _beside_label(who: Speaker, text: Text, width: int) -> list[Text]:
    """Wrap ``text`` beside who says it: a name, and a bar that a narrow terminal keeps."""
    name, bar, style = SPEAKERS[who]
    column = 9 if width >= 50 else 0
    lines = []
    for number, part in enumerate(text.wrap(_MEASURE, max(8, width - column - 2 - 2 * MARGIN))):
        part.rstrip()
        label = (name if number == 0 else "").rjust(column)[:column]
        gap = " " if column else ""
        lines.append(Text(" " * MARGIN).append(f"{label}{gap}{bar}", style).append_text(part))
    return lines


def _header(scene: Scene, width: int) -> Text:
    sign, style = LOOKS.get(scene.phase, ("●", ""))
    title = Text(" " * MARGIN + "edgevoice", "bold")
    phase = Text(f"{sign} {scene.phase}" + " " * MARGIN, style)
    return Text.assemble(title, " " * max(1, width - title.cell_len - phase.cell_len), phase)


def _meter(scene: Scene, width: int) -> Text:
    """Draw the levels of the last seconds, newest at the right, in the colour of their phase."""
    reading = f"{max(scene.meter[-1][0], -99.0):4.0f} dB" + " " * MARGIN if scene.meter else ""
    columns = max(0, width - len(reading) - 2 * MARGIN)
    levels = list(scene.meter)[-columns:] if columns else []
    line = Text(" " * (MARGIN + columns - len(levels)))
    for style, run in groupby(levels, key=_meter_style):
        line.append("".join(_bar(db) for db, _ in run), style)
    return line.append(" " * MARGIN).append(reading, "dim")


def _meter_style(level: tuple[float, str]) -> str:
    db, phase = level
    return "red" if db > LOUD_DB else LOOKS.get(phase, ("", ""))[1]


def _bar(db: float) -> str:
    part = (db - QUIET_DB) / (LOUD_DB - QUIET_DB)
    return BARS[int(min(1.0, max(0.0, part)) * (len(BARS) - 1))]


def _stages(scene: Scene, width: int) -> list[Text]:
    """Draw a bar whose parts are as long as the stages took, and under it what they are."""
    stages = {name: took for name, took in scene.stages.items() if name != VOICE_TO_VOICE}
    if not stages:
        return []
    total = scene.stages.get(VOICE_TO_VOICE, sum(stages.values()))
    answer = Text().append(f"{VOICE_TO_VOICE} " if width >= 70 else "", "dim")
    answer.append(milliseconds(total) + " " * MARGIN, "bold")
    # Each part has a column at least, and a gap after it.
    columns = max(0, width - answer.cell_len - 2 * MARGIN - 2 * len(stages))
    scale = columns / max(sum(stages.values()), 1e-9)
    bar, legend = Text(" " * MARGIN), [Text()]
    for number, (name, took) in enumerate(stages.items()):
        style = STAGE_STYLES[number % len(STAGE_STYLES)]
        bar.append("━" * (1 + int(max(0.0, took) * scale)) + " ", style)
        entry = Text(" " * MARGIN).append("━ ", style).append(f"{name} ", "dim")
        entry.append(f"{milliseconds(took)}  ")
        if legend[-1].cell_len + entry.cell_len > width:
            legend.append(Text())
        legend[-1].append_text(entry)
    bar.append(" " * max(0, width - bar.cell_len - answer.cell_len))
    return [bar.append_text(answer), *legend]


def _footer(scene: Scene, width: int) -> Text:
    memory = f"{scene.memory_mb:.0f} MB" + " " * MARGIN if scene.memory_mb else ""
    memory = f"{scene.spent} · {memory}" if scene.spent and memory else memory
    models = Text(" " * MARGIN + " · ".join(scene.models))
    models.truncate(max(0, width - len(memory) - 1), overflow="ellipsis", pad=True)
    return Text.assemble(models, " ", memory, style="dim")
