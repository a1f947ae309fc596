"""A device in a TOML file: what it has, how fast it is, how it warms and is throttled."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from edgevoice.core.bundle import Role
from edgevoice.core.device import Device, Temperature
from edgevoice.core.rung import Speed
from edgevoice.core.thermal import Thermal
from edgevoice.errors import Misused

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Machine:
    """``[device]``: its name, the highest clock of each core, its memory."""

    name: str
    core_mhz: tuple[float, ...]
    memory_total_mb: float
    memory_free_mb: float


@dataclass(frozen=True, slots=True)
class Body:
    """``[body]``: how it warms.

    Attributes:
        room_c: temperature around it.
        idle_w: power without work.
        core_w: what a busy core adds at the highest clock.
        core_exponent: power of a core goes with its clock to this power.
        die_k_per_w: what a watt warms the sensor over the board, within seconds.
        board_k_per_w: what a watt warms the board over the room, in the long run.
        board_tau_s: time constant of the board, or of the case.
        fan: pairs of a temperature and what ``board_k_per_w`` is from there on.

    """

    room_c: float
    idle_w: float
    core_w: float
    core_exponent: float
    die_k_per_w: float
    board_k_per_w: float
    board_tau_s: float
    fan: tuple[tuple[float, ...], ...] = ()

    @property
    def thermal(self) -> Thermal:
        """As the plan sees it: one time constant, the fan at its fastest."""
        board = min([self.board_k_per_w, *(k_per_w for _, k_per_w in self.fan)])
        k_per_w = board + self.die_k_per_w
        rest_c = self.room_c + k_per_w * self.idle_w
        return Thermal(rest_c, k_per_w * self.core_w, self.board_tau_s)


@dataclass(frozen=True, slots=True)
class Firmware:
    """``[throttling]``: what the system does about heat.

    From ``trip_c`` on it takes the next lower of ``clocks`` (shares of the highest, which is the
    first) every ``step_s``; under ``clear_c`` it takes the next higher one.
    """

    sensor: str
    trip_c: float
    clear_c: float
    step_s: float
    clocks: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """``[bundles.NAME]``: a model's speed there, as in ``Speed``, and its memory.

    ``memory_mb`` (with an LLM's context of 2048 tokens) and ``weights_mb`` are needed for bundles
    that this installation does not know.
    """

    role: str
    memory_mb: float = 0.0
    weights_mb: float = 0.0
    read_tps: float = 0.0
    write_tps: float = 0.0
    rtf: float = 0.0
    threads: int = 1

    @property
    def is_timed(self) -> bool:
        """Whether its speed is known."""
        return bool(self.rtf or (self.read_tps and self.write_tps))

    @property
    def speed(self) -> Speed:
        """The speed that was measured there."""
        return Speed(self.read_tps, self.write_tps, self.rtf, self.threads)


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """A device file's content."""

    machine: Machine
    bundles: dict[str, Bundle]
    body: Body | None = None
    firmware: Firmware | None = None

    @property
    def device(self) -> Device:
        """The device as it is at rest."""
        machine = self.machine
        temperatures: tuple[Temperature, ...] = ()
        if self.body and self.firmware:
            at_rest = Temperature(
                self.firmware.sensor, self.body.thermal.rest_c, self.firmware.trip_c
            )
            temperatures = (at_rest,)
        return Device(
            name=machine.name,
            cores=len(machine.core_mhz),
            core_mhz=machine.core_mhz,
            memory_total_mb=machine.memory_total_mb,
            memory_free_mb=machine.memory_free_mb,
            temperatures=temperatures,
        )


SECTIONS: dict[str, type] = {"device": Machine, "body": Body, "throttling": Firmware}


def read(path: Path) -> DeviceFile:
    """Read the device in ``path``.

    Raises:
        Misused: there is no such file, or a key in it is wrong, missing or out of place.

    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misused(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misused(f"{path} is not TOML: {error}.") from error
    known = [*SECTIONS, "bundles"]
    for name in content:
        if name not in known:
            raise Misused(f"{path}: there is no section {name}.", hint=_nearest(name, known))
    if "device" not in content:
        raise Misused(f"{path}: the section device is missing.")
    bundles = {
        name: _section(path, f"bundles.{name}", table, Bundle)
        for name, table in _table(path, "bundles", content.get("bundles", {})).items()
    }
    for name, bundle in bundles.items():
        if bundle.role not in set(Role):
            roles = ", ".join(Role)
            raise Misused(
                f"{path}: bundles.{name}.role is {bundle.role!r}.", hint=f"one of {roles}"
            )
    return DeviceFile(
        machine=_section(path, "device", content["device"], Machine),
        bundles=bundles,
        body=_section(path, "body", content["body"], Body) if "body" in content else None,
        firmware=_section(path, "throttling", content["throttling"], Firmware)
        if "throttling" in content
        else None,
    )


def _section(path: Path, name: str, content: object, kind: type[T]) -> T:
    table = _table(path, name, content)
    hints = get_type_hints(kind)
    for key in table:
        if key not in hints:
            raise Misused(f"{path}: there is no key {name}.{key}.", hint=_nearest(key, [*hints]))
    made: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]  # kind is a dataclass
        if field.name in table:
            made[field.name] = _value(f"{path}: {name}.{field.name}", table[field.name], hints)
        elif field.default is MISSING:
            raise Misused(f"{path}: the key {name}.{field.name} is missing.")
    return kind(**made)


def _value(where: str, value: object, hints: Mapping[str, Any]) -> Any:
    return _as(where, value, hints[where.rpartition(".")[2]])


def _as(where: str, value: object, hint: Any) -> Any:
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise Misused(f"{where} must be a list.")
        return tuple(_as(where, each, get_args(hint)[0]) for each in value)
    if hint is str and isinstance(value, str):
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if hint is float and number:
        return float(value)  # type: ignore[arg-type]  # it is a number
    if hint is int and isinstance(value, int) and number:
        return value
    wanted = {str: "a text", int: "a whole number from 0 on"}.get(hint, "a number from 0 on")
    raise Misused(f"{where} must be {wanted}, not {value!r}.")


def _table(path: Path, name: str, content: object) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise Misused(f"{path}: {name} must be a section.", hint=f"[{name}], and its keys under it")
    return content


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return near[0] if near else ", ".join(known)
