"""Reads ``edgevoice.toml`` and what the command line sets over it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgevoice.core.settings import KEYS, Settings, contradiction, with_value
from edgevoice.errors import Misused

NAME = "edgevoice.toml"


def read(path: Path | None = None, overrides: Sequence[str] = ()) -> Settings:
    """Return the settings of the file at ``path`` with ``overrides`` over them.

    Without ``path`` the file is the first there is of ``places()``, and there may be none.
    An override is ``KEY=VALUE``, as in ``llm.context=2048``: a TOML value, or bare text.

    Raises:
        Misused: the file cannot be read, or a key or value is wrong.

    """
    settings = Settings()
    path = path or next(filter(_is_file, places()), None)
    if path:
        text = _text(path)
        for name, value in _entries(text, path):
            line = _line(text, name)
            origin = f"{path}, line {line}" if line else str(path)
            settings = with_value(settings, name, _expanded(name, value), origin)
    for override in overrides:
        name, equals, given = (part.strip() for part in override.partition("="))
        if not equals:
            raise Misused(f"--set {override} sets nothing.", hint="--set llm.context=2048")
        value = _expanded(name, _value(name, given))
        settings = with_value(settings, name, value, f"--set {override}")
    if problem := contradiction(settings):
        raise Misused(problem)
    return settings


def places() -> list[Path]:
    """Return where the file is looked for, in this order."""
    try:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    except RuntimeError:  # a user without a home
        return [Path(NAME)]
    return [Path(NAME), folder / "edgevoice" / NAME]


def _is_file(place: Path) -> bool:
    try:
        return place.is_file()
    except PermissionError:  # of a folder above it
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Misused(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Misused(f"{path} is not a text in UTF-8.", hint="save it as UTF-8") from error


def _entries(text: str, path: Path) -> Iterator[tuple[str, object]]:
    """Yield each key under its full name with its value."""
    try:
        sections = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misused(f"{path} is not TOML: {error}.") from error
    for section, content in sections.items():
        if isinstance(content, dict) and content:
            yield from ((f"{section}.{last}", value) for last, value in content.items())
        elif content != {} or not any(name.startswith(f"{section}.") for name in KEYS):
            yield section, content


def _line(text: str, name: str) -> int:
    """Return the line where the key or section ``name`` is written, 0 when it is not seen.

    ``tomllib`` does not tell, and knowing the line is worth a rough look.
    """
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([^\]\s]+)\s*\]", line):
            section = header[1]
            if section == name:
                return number
        elif entry := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            written = re.sub("[\"']", "", entry[1])
            if name in {written, f"{section}.{written}"}:
                return number
    return 0


def _value(name: str, given: str) -> object:
    """Return ``given`` as the TOML value that it is, or else as the text that it is."""
    try:
        parsed = tomllib.loads(f"value = {given}")
    except tomllib.TOMLDecodeError:
        return given
    value = parsed.pop("value")
    takes_text_only = name in KEYS and KEYS[name].kinds == (str,)
    return given if parsed or (takes_text_only and not isinstance(value, str)) else value


def _expanded(name: str, value: object) -> object:
    is_path = name in KEYS and KEYS[name].is_path
    return os.path.expanduser(value) if is_path and isinstance(value, str) else value  # noqa: PTH111 - "" must stay ""
