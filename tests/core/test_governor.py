"""The governor: what is loaded, swapped and set, and when."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgevoice.core.bundle import Role
from edgevoice.core.device import Battery, Device, Temperature, Throttling
from edgevoice.core.governor import RETRY_S, Governor, Wish
from edgevoice.core.orders import (
    DeviceSampled,
    DropCaches,
    Fact,
    LoadFailed,
    LoadModel,
    ModelLoaded,
    Order,
    ReportShortage,
    SetSpeculation,
    SetThreads,
    SwapModel,
    TurnBegan,
    TurnEnded,
    Unload,
)
from edgevoice.core.plan_types import IDLE_S
from edgevoice.core.plans import PARTIAL_GROWTH, REREAD
from edgevoice.core.rung import Speed
from tests.core.rungs import RUNGS, SPEEDS, device

PERIOD_S = 5.0


class Talk:
    """A governor on a device of so much memory, whose orders are carried out at once."""

    def __init__(self, total_mb: float = 4000, wish: Wish | None = None, cores: int = 4) -> None:
        self.governor = Governor(RUNGS, SPEEDS, wish)
        self.at = 0.0
        self.total_mb = total_mb
        self.others_mb = 0.0
        self.sample = replace(device(total_mb, cores), memory_total_mb=total_mb)
        self.models: dict[Role, str] = {}
        self.log: list[tuple[float, Order]] = []
        self._mb: dict[Role, float] = {}

    def tell(self, fact: Fact) -> list[Order]:
        orders = self.governor.step(fact)
        for order in orders:
            self.log.append((self.at, order))
            match order:
                case LoadModel(role=role, bundle=bundle) | SwapModel(role=role, bundle=bundle):
                    assert self.governor.plan
                    rung = self.governor.plan.rungs[role]
                    need = self.governor.plan.need if role is Role.LLM else rung.needs[0]
                    assert rung.bundle == bundle
                    self.models[role], self._mb[role] = bundle, need.mb
                case Unload(role=role):
                    del self.models[role], self._mb[role]
                case _:
                    pass
        for order in orders:
            if isinstance(order, LoadModel | SwapModel):
                self.tell(ModelLoaded(self.at, order.role, order.bundle))
        return orders

    def pass_time(self, seconds: float, **changes: object) -> list[Order]:
        """Sample every five seconds; return all orders."""
        begun = len(self.log)
        for _ in range(round(seconds / PERIOD_S)):
            self.at += PERIOD_S
            free_mb = max(0.0, self.total_mb - self.others_mb - sum(self._mb.values()))
            sample = replace(self.sample, at=self.at, memory_free_mb=free_mb)
            self.sample = replace(sample, **changes)  # type: ignore[arg-type]  # a sample's fields
            self.tell(DeviceSampled(self.sample))
        return [order for _, order in self.log[begun:]]

    def turn(self, seconds: float = 10.0, **measured: Speed) -> list[Order]:
        begun = len(self.log)
        self.tell(TurnBegan(self.at))
        self.pass_time(seconds)
        self.tell(TurnEnded(self.at, measured))
        return [order for _, order in self.log[begun:]]


def kinds(orders: list[Order]) -> set[type]:
    return {type(order) for order in orders}


def test_a_talk_begins_with_the_models_of_its_plan() -> None:
    talk = Talk()
    orders = talk.pass_time(5)
    assert LoadModel(Role.LLM, "large", 3, 2048, "f16") in orders
    assert SetSpeculation("draft", PARTIAL_GROWTH["draft"]) in orders
    assert set(talk.models) == set(RUNGS)
    assert talk.pass_time(IDLE_S - 30) == []


def test_where_nothing_fits_nothing_is_loaded_and_the_user_is_told() -> None:
    talk = Talk(300)
    (order,) = talk.pass_time(5)
    assert isinstance(order, ReportShortage)
    assert order.need_mb == 490 - REREAD * 140
    assert order.free_mb == 300
    assert talk.models == {}


def test_a_shortage_is_told_once() -> None:
    talk = Talk(300)
    assert kinds(talk.pass_time(5)) == {ReportShortage}
    assert talk.pass_time(60) == []


def test_memory_that_comes_later_is_used() -> None:
    talk = Talk(300)
    talk.pass_time(10)
    talk.total_mb = 4000
    talk.pass_time(5, memory_total_mb=4000.0)
    assert talk.models[Role.LLM] == "large"


def test_models_are_swapped_between_turns_only() -> None:
    talk = Talk()
    talk.pass_time(10)
    talk.tell(TurnBegan(talk.at))
    talk.others_mb = 2600
    assert SwapModel not in kinds(talk.pass_time(40))
    talk.tell(TurnEnded(talk.at))
    assert talk.models[Role.LLM] == "small"


def test_the_swap_is_hidden_where_both_models_fit() -> None:
    for others_mb, beside in ((1500, True), (2150, False)):
        talk = Talk()
        talk.pass_time(10)
        talk.others_mb = others_mb
        talk.sample = replace(talk.sample, cpu_share=1.0)
        talk.pass_time(5, cpu_share=0.4)
        (swap,) = [o for _, o in talk.log if isinstance(o, SwapModel) and o.role is Role.LLM]
        assert swap.beside is beside, others_mb


def test_a_quota_takes_speculation_at_once_and_the_model_at_the_turn_s_end() -> None:
    talk = Talk()
    talk.pass_time(10)
    talk.tell(TurnBegan(talk.at))
    orders = talk.pass_time(5, cpu_share=0.5)
    assert kinds(orders) <= {SetSpeculation, SetThreads}
    assert SetSpeculation("off", PARTIAL_GROWTH["off"]) in orders
    talk.tell(TurnEnded(talk.at))
    assert talk.models[Role.LLM] == "small"
    talk.pass_time(5, cpu_share=None)
    assert talk.models[Role.LLM] == "large"


def test_slowness_that_no_sensor_tells_is_learned_from_the_turns() -> None:
    talk = Talk()
    talk.pass_time(10)
    for _ in range(5):
        talk.turn(large=Speed(write_tps=5, threads=3))
    assert talk.models[Role.LLM] == "small"
    for _ in range(12):
        talk.turn(small=SPEEDS["small"].on(3))
    assert talk.models[Role.LLM] == "large"


# Memory.


def test_memory_is_given_back_in_order_and_taken_again() -> None:
    talk = Talk()
    talk.pass_time(30)
    seen: list[Order] = []
    for _ in range(8):
        seen += talk.pass_time(5, refaults_per_s=20_000.0)
    order = [type(each) for each in seen]
    assert order.index(DropCaches) < order.index(SetSpeculation) < order.index(Unload)
    assert SetSpeculation("off", PARTIAL_GROWTH["off"]) in seen
    assert Unload(Role.TURN) in seen
    assert talk.models[Role.LLM] == "small"
    talk.pass_time(800, refaults_per_s=0.0)
    talk.turn()
    assert talk.models[Role.LLM] == "large"
    assert Role.TURN in talk.models


def test_another_process_takes_the_memory_and_leaves_again() -> None:
    talk = Talk(2400)
    talk.pass_time(10)
    assert talk.models[Role.LLM] == "large"
    talk.others_mb = 1600
    talk.turn(40)
    assert talk.models[Role.LLM] == "small"
    talk.others_mb = 0
    for _ in range(40):
        talk.turn()
    assert talk.models[Role.LLM] == "large"


def test_thrashing_while_a_model_is_read_in_is_no_need() -> None:
    talk = Talk()
    assert DropCaches not in kinds(talk.pass_time(15, refaults_per_s=20_000.0))
    assert DropCaches in kinds(talk.pass_time(15, refaults_per_s=20_000.0))


# Heat, power, battery.


def hot(celsius: float) -> dict[str, object]:
    return {"temperatures": (Temperature("cpu", celsius, 80.0),), "busy_cores": 1.0}


def test_heat_takes_a_level_at_a_time() -> None:
    talk = Talk()
    talk.pass_time(10, **hot(60.0))
    for celsius in (74.0, 76.5, 77.5, 77.5):
        talk.pass_time(5, **hot(celsius))
    assert talk.governor.plan
    assert talk.governor.plan.level == 1
    assert talk.governor.changes == 1


def test_what_the_firmware_does_is_heeded_without_a_sensor() -> None:
    talk = Talk()
    talk.pass_time(10)
    throttled = Throttling(frozenset({"throttled"}))
    talk.pass_time(60, throttling=throttled)
    assert talk.governor.plan
    assert talk.governor.plan.level == len(talk.governor.plan.loads) - 1


@pytest.mark.parametrize(
    ("percent", "charging", "less"),
    [(100.0, False, False), (15.0, False, True), (5.0, False, True), (5.0, True, False)],
)
def test_a_low_battery(percent: float, charging: bool, less: bool) -> None:
    talk = Talk()
    talk.pass_time(10, battery=Battery(percent, charging))
    assert talk.governor.plan
    assert (talk.governor.plan.level > 0) is less


def test_a_battery_at_the_edge_does_not_flap() -> None:
    talk = Talk()
    talk.pass_time(10, battery=Battery(50.0))
    levels = []
    for percent in (20, 19, 20, 21, 19, 22, 20, 24, 22):
        talk.pass_time(5, battery=Battery(float(percent)))
        assert talk.governor.plan
        levels.append(talk.governor.plan.level > 0)
    assert levels == [False, True, True, True, True, True, True, False, False]


def test_quiet_and_a_cap_on_power() -> None:
    best = Talk()
    best.pass_time(10)
    quiet, capped = Talk(wish=Wish(quiet=True)), Talk(wish=Wish(most_load=0.3))
    for talk in (quiet, capped):
        talk.pass_time(10)
        assert talk.governor.plan
        assert best.governor.plan
        assert talk.governor.plan.cost.load < 0.6 * best.governor.plan.cost.load
        assert SwapModel not in kinds([order for _, order in talk.log])


# Idle, failures, clocks.


def test_after_a_while_without_a_word_only_the_ears_stay() -> None:
    talk = Talk()
    talk.pass_time(IDLE_S - 5)
    assert set(talk.models) == set(RUNGS)
    talk.pass_time(10)
    assert set(talk.models) == {Role.VAD}
    assert talk.pass_time(600) == []
    orders = talk.tell(TurnBegan(talk.at))
    assert LoadModel(Role.STT, "sharp-ears", 1) in orders
    assert set(talk.models) == set(RUNGS)


def test_a_talk_that_goes_on_is_not_idle() -> None:
    talk = Talk()
    for _ in range(60):
        talk.turn()
    assert Unload not in kinds([order for _, order in talk.log])


def test_a_model_that_cannot_be_loaded_is_done_without() -> None:
    talk = Talk()
    talk.governor.step(DeviceSampled(talk.sample))
    orders = talk.tell(LoadFailed(0.0, Role.LLM, "large"))
    assert LoadModel(Role.LLM, "small", 3, 2048, "f16") in orders
    assert talk.models[Role.LLM] == "small"


def test_the_last_of_a_ladder_is_never_given_up() -> None:
    talk = Talk()
    talk.governor.step(DeviceSampled(talk.sample))
    assert talk.tell(LoadFailed(0.0, Role.TTS, "voice")) == []
    assert LoadModel(Role.TTS, "voice", 1) in talk.pass_time(5)


def test_a_swap_for_which_memory_is_short_after_all_is_not_tried_again_and_again() -> None:
    talk = Talk()
    talk.pass_time(10)
    talk.total_mb, talk.others_mb = 1200, 0
    refusals = []
    for _ in range(60):
        sample = replace(talk.sample, at=talk.at, memory_total_mb=1200.0, memory_free_mb=100.0)
        talk.at += PERIOD_S
        for order in talk.governor.step(DeviceSampled(sample)):
            if isinstance(order, SwapModel) and order.role is Role.LLM:
                refusals.append(talk.at)
                talk.governor.step(LoadFailed(talk.at, Role.LLM, order.bundle, for_good=False))
    assert len(refusals) >= 2, "it is tried again some time"
    gaps = [after - before for before, after in pairwise(refusals)]
    assert min(gaps) >= RETRY_S


def test_a_swap_that_fails_leaves_what_was_there() -> None:
    talk = Talk()
    talk.pass_time(10)
    orders = talk.governor.step(DeviceSampled(replace(talk.sample, at=15.0, cpu_share=0.4)))
    assert SwapModel in kinds(orders)
    later = talk.tell(LoadFailed(15.0, Role.LLM, "small"))
    assert not any(isinstance(o, LoadModel | SwapModel) and o.role is Role.LLM for o in later)


def test_a_clock_that_jumps_ends_no_wait() -> None:
    talk = Talk()
    talk.pass_time(20)
    for at in (1e7, 3.0, 1e7, -50.0):
        assert talk.tell(DeviceSampled(replace(talk.sample, at=at))) == []
    assert set(talk.models) == set(RUNGS)


FACTS = st.one_of(
    st.builds(
        DeviceSampled,
        st.builds(
            Device,
            at=st.floats(-10, 5000),
            cores=st.integers(1, 8),
            cpu_share=st.none() | st.floats(0.05, 8),
            busy_cores=st.none() | st.floats(0, 8),
            memory_total_mb=st.just(4000.0),
            memory_free_mb=st.none() | st.floats(0, 4000),
            refaults_per_s=st.none() | st.floats(0, 1e5),
            memory_pressure=st.none() | st.floats(0, 1),
            temperatures=st.just(())
            | st.tuples(st.builds(Temperature, st.just("cpu"), st.floats(-40, 125), st.just(80.0))),
            battery=st.none() | st.builds(Battery, st.none() | st.floats(0, 100), st.booleans()),
        ),
    ),
    st.builds(TurnBegan, st.floats(0, 5000)),
    st.builds(
        TurnEnded,
        st.floats(0, 5000),
        st.dictionaries(
            st.sampled_from(sorted(SPEEDS)),
            st.builds(Speed, write_tps=st.floats(0, 200), rtf=st.floats(0, 5)),
            max_size=2,
        ),
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FACTS, max_size=30))
def test_whatever_happens_orders_make_sense(facts: list[Fact]) -> None:
    governor, loaded, in_turn = Governor(RUNGS, SPEEDS), set[Role](), False
    for fact in facts:
        woken = isinstance(fact, TurnBegan)
        in_turn = woken or (in_turn and not isinstance(fact, TurnEnded))
        orders = governor.step(fact)
        for order in orders:
            match order:
                case LoadModel(role=role):
                    assert role not in loaded
                    assert not in_turn or woken
                    loaded.add(role)
                case SwapModel(role=role):
                    assert role in loaded
                    assert not in_turn
                case Unload(role=role):
                    assert role in loaded
                    assert not in_turn
                    loaded.remove(role)
                case SetThreads(threads=threads):
                    assert threads >= 1
                case _:
                    pass
        for order in orders:
            if isinstance(order, LoadModel | SwapModel):
                governor.step(ModelLoaded(0.0, order.role, order.bundle))
