"""The lines of a trace: an event or a command as a JSON object, and back.

The first line is a header, with the version of the format and all that the conversation
was made with but its system prompt. What was said, the fields made by ``private``, is
left out of a line unless asked for; ``decode`` then gives such a field its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, fields, is_dataclass
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

from edgevoice.core.commands import Command
from edgevoice.core.events import Event
from edgevoice.core.speculation import Speculation
from edgevoice.core.turn_taking import ImpossibleRules, TurnTaking

VERSION = 1

KINDS: Mapping[str, type] = MappingProxyType(
    {kind.__name__: kind for union in (Event, Command) for kind in get_args(union)}
)
"""Each event and command by its name."""


class NotATrace(ValueError):
    """A line is not what a trace holds; ``str(error)`` says why, without the line's number."""


_FOREVER = 1e12
"""Larger than any number in a trace: neither infinity nor what is no number at all."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the conversation was made with."""

    rules: TurnTaking
    speculation: Speculation


def encode_header(header: Header) -> dict[str, Any]:
    """Return ``header`` as the first line of a trace."""
    return {"edgevoice_trace": VERSION, **asdict(header)}


def decode_header(line: object) -> Header:
    """Return the header in the first line of a trace. Raises ``NotATrace``."""
    if not isinstance(line, dict) or "edgevoice_trace" not in line:
        raise NotATrace("it is not the header of a trace")
    version = line["edgevoice_trace"]
    if version != VERSION:
        raise NotATrace(f"it is a trace of version {version!r}, and this is for version {VERSION}")
    try:
        header: Header = _build(Header, {k: v for k, v in line.items() if k != "edgevoice_trace"})
    except ImpossibleRules as error:
        raise NotATrace(str(error)) from error
    return header


def encode(item: Event | Command, *, words: bool = False) -> dict[str, Any]:
    """Return ``item`` as a line; with what was said only if ``words`` is set."""
    shown = asdict(item)
    hidden = () if words else [field.name for field in fields(item) if is_private(field)]
    return {"kind": type(item).__name__} | {k: v for k, v in shown.items() if k not in hidden}


def decode(line: object) -> Event | Command:
    """Return the event or command in ``line``. Raises ``NotATrace``."""
    if not isinstance(line, dict) or not isinstance(line.get("kind"), str):
        raise NotATrace("it is neither an event nor a command")
    values = dict(line)
    kind = values.pop("kind")
    if kind not in KINDS:
        raise NotATrace(f"there is no event or command {kind}")
    item: Event | Command = _build(KINDS[kind], values)
    return item


def is_private(field: Field[Any]) -> bool:
    """Tell whether ``field`` holds what was said."""
    return bool(field.metadata.get("private"))


def _build(kind: Any, values: dict[str, Any]) -> Any:
    """Return a ``kind``, a dataclass, made of ``values`` as JSON holds them."""
    types = get_type_hints(kind)
    if unknown := values.keys() - types.keys():
        raise NotATrace(f"{kind.__name__} has no field {min(unknown)}")
    if missing := {f.name for f in fields(kind) if not is_private(f)} - values.keys():
        raise NotATrace(f"{kind.__name__} lacks its field {min(missing)}")
    return kind(**{n: _value(types[n], v, f"{kind.__name__}.{n}") for n, v in values.items()})


def _value(kind: Any, value: Any, name: str) -> Any:
    if is_dataclass(kind) and isinstance(value, dict):
        return _build(kind, value)
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_value(get_args(kind)[0], each, name) for each in value)
    if kind is float:
        if type(value) in (int, float) and abs(value) < _FOREVER:
            return float(value)
    elif value in get_args(kind) or (isinstance(kind, type) and type(value) is kind):
        return value
    raise NotATrace(f"{name} is {value!r}")
