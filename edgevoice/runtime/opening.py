"""Puts a talk together: which models, by the first plan, and who goes along with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import cast

from edgevoice.core.bundle import Bundle, Role
from edgevoice.core.conversation import Conversation
from edgevoice.core.governor import Governor, Wish
from edgevoice.core.orders import DeviceSampled, LoadModel, Order, ReportShortage
from edgevoice.core.rung import Need, Rung
from edgevoice.core.settings import Settings
from edgevoice.core.speculation import Speculation
from edgevoice.core.speech_detector import SpeechDetector
from edgevoice.errors import ModelDoesNotFit
from edgevoice.runtime import machine, models
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.assistant import Assistant, SoundDevice
from edgevoice.runtime.bundles.store import Store
from edgevoice.runtime.clock import Clock
from edgevoice.runtime.device.sensors import Sensors
from edgevoice.runtime.door import Door
from edgevoice.runtime.energy import WATTS_PER_CORE
from edgevoice.runtime.gauge import Gauge
from edgevoice.runtime.governing import Governing
from edgevoice.runtime.ladders import ladders
from edgevoice.runtime.tuning import profile
from edgevoice.runtime.turn_energy import TurnEnergy

MUTE = "mute"


@dataclass
class Opening:
    """What a talk begins with.

    Attributes:
        settings: the user's.
        names: the bundle of each role.
        shelf: loads them.
        hows: how each is loaded, by the plan.
        governor: None where nothing shall be governed.
        orders: the governor's first.
        problem: what is wrong with the device's profile, "" for nothing.

    """

    settings: Settings
    names: Mapping[Role, str]
    shelf: models.Shelf
    gauge: Gauge
    sensors: Sensors
    hows: Mapping[Role, models.How] = field(default_factory=dict)
    governor: Governor | None = None
    orders: Sequence[Order] = ()
    problem: str = ""


def opening(
    settings: Settings, store: Store, *, mute: bool = False, govern: bool = True
) -> Opening:
    """Choose what a talk begins with, before anything is loaded.

    ``govern`` False leaves the settings as they are, whatever becomes of the device.

    Raises:
        ModelError: a bundle is absent or damaged, or the memory cannot hold what is needed.

    """
    chosen = models.bundles(settings, store)
    gauge, sensors = Gauge(), Sensors()
    if not (govern and settings.plan.govern):
        models.check_memory(chosen)
        shelf = models.Shelf(settings, chosen.values(), mute=mute, gauge=gauge)
        return Opening(settings, _names(settings, chosen, mute), shelf, gauge, sensors)
    others = store.installed() if settings.plan.smaller else []
    known = {bundle.name: bundle for bundle in (*others, *chosen.values())}
    shelf = models.Shelf(settings, known.values(), mute=mute, gauge=gauge)
    measured, problem = profile.measured(known.values())
    rungs = _rungs(settings, chosen, known, mute, measured)
    speeds = {name: entry.speed for name, entry in measured.items()}
    governor = Governor(rungs, speeds, _wish(settings))
    orders = governor.step(DeviceSampled(sensors.sample(0.0)))
    for order in orders:
        if isinstance(order, ReportShortage):
            raise ModelDoesNotFit(
                "What is here of models, at its smallest,",
                need_mb=order.need_mb,
                free_mb=order.free_mb,
            )
    loads = [order for order in orders if isinstance(order, LoadModel)]
    hows = {o.role: models.How(o.threads, o.context_tokens, o.kv_type) for o in loads}
    names = {order.role: order.bundle for order in loads}
    return Opening(settings, names, shelf, gauge, sensors, hows, governor, orders, problem)


def assistant(
    begun: Opening,
    device: SoundDevice,
    clock: Clock,
    activity: Activity,
    notice: Callable[[str], None],
    *,
    cancel_echo: bool = False,
) -> Assistant:
    """Return the talk that ``begun`` opens, its models loading; ``notice`` shows a line."""
    settings = begun.settings
    speculation = cast(Speculation, settings.turn.speculation)
    rules = settings.turn.rules()
    made = Assistant(
        Conversation(settings.llm.system_prompt, rules, speculation),
        models.loaders(begun.shelf, begun.names, begun.hows),
        device,
        clock,
        activity,
        max_tokens=settings.llm.max_tokens,
        detector=SpeechDetector(frame_s=0.032, threshold=settings.vad.threshold),
        longest_utterance_s=settings.turn.longest_utterance_s,
        cancel_echo=cancel_echo,
    )
    if settings.wake.word:
        door = Door(models.wake_word(settings), settings.wake.awake_s, clock, made.post)
        made.ears.lets_in = door.lets_in
        made.observers.append(door.observe)
    energy = TurnEnergy(made, machine.processor().name)
    made.observers.append(energy.observe)
    made.companions += [energy, begun.sensors]
    if begun.governor:
        governing = Governing(
            begun.governor,
            made,
            begun.shelf,
            begun.sensors,
            begun.gauge,
            notice,
            most=speculation,
            growth=rules.partial_growth,
            fixed_threads=settings.llm.threads > 0,
        )
        governing.on_sample.append(energy.sample)
        made.observers.append(governing.observe)
        made.companions.insert(0, governing)
        governing.begin(begun.orders)
    if begun.problem:
        notice(begun.problem)
    return made


def _names(settings: Settings, chosen: Mapping[Role, Bundle], mute: bool) -> dict[Role, str]:
    names = {role: bundle.name for role, bundle in chosen.items()}
    if settings.llm.url:
        names[Role.LLM] = settings.llm.model or settings.llm.url
    if mute:
        names[Role.TTS] = MUTE
    return names


def _rungs(
    settings: Settings,
    chosen: Mapping[Role, Bundle],
    known: Mapping[str, Bundle],
    mute: bool,
    measured: Mapping[str, profile.Entry],
) -> dict[Role, list[Rung]]:
    """Return the ladders; what works elsewhere, or not at all, takes no memory."""
    names = _names(settings, chosen, mute)
    here = {role: bundle.name for role, bundle in chosen.items() if names[role] == bundle.name}
    measured_mb = {name: entry.memory_mb for name, entry in measured.items()}
    rungs = ladders(known.values(), here, settings.llm.context, measured_mb)
    rungs[Role.VAD] = rungs[Role.VAD][:1]  # it hears without a break, so it is not exchanged
    for role, name in names.items():
        rungs.setdefault(role, [Rung(name, role, (Need(0.0),))])
    return rungs


def _wish(settings: Settings) -> Wish:
    asked = settings.plan
    return Wish(
        target_s=asked.target_s,
        most_load=asked.watts / WATTS_PER_CORE if asked.watts else inf,
        quiet=asked.quiet,
        idle_s=asked.idle_s,
    )
