"""The exchange of a stage's model: what is loaded when, and that no job is lost by it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from edgevoice.cancel import CancelScope
from edgevoice.core.events import Event, JobFailed, ReplyWritten
from edgevoice.errors import ModelDoesNotFit
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.clock import AudioClock
from edgevoice.runtime.lane import Job
from edgevoice.runtime.stage import Load, Stage


class Model:
    """A model that keeps count of those that are there at the same time."""

    there: list[str]

    def __init__(self, name: str, there: list[str]) -> None:
        self.name, self.there = name, there
        there.append(name)

    def __del__(self) -> None:
        self.there.remove(self.name)


class Desk:
    """A stage and what it posts; each job posts the name of the model that did it."""

    def __init__(self) -> None:
        self.there: list[str] = []
        self.seen_at_load: list[list[str]] = []
        self.answers: list[BaseException | None] = []
        self.posted: list[Event] = []
        self.activity = Activity()
        self.stage = Stage(
            "llm", self.model("first"), self.posted.append, AudioClock(), self.activity
        )
        self.stage.wait_loaded()

    def model(self, name: str, *, wait: threading.Event | None = None) -> Load[Model]:
        def load() -> Model:
            if wait:
                wait.wait(10)
            self.seen_at_load.append(list(self.there))
            return Model(name, self.there)

        return load

    def ask(self) -> list[str]:
        """Who answers a job that is submitted now."""
        done: list[str] = []
        served = threading.Event()

        def run(model: Model, scope: CancelScope) -> Iterator[Event]:
            done.append(model.name)
            served.set()
            yield ReplyWritten(0.0, 1, 0)

        self.stage.submit(Job(1, run, CancelScope()))
        while not served.wait(0.02) and not self.activity.wait_idle(0.0):
            pass
        return done


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.stage.close()


def broken() -> Model:
    raise ModelDoesNotFit("second", need_mb=100, free_mb=10)


def test_a_model_is_gone_before_the_one_in_its_place_is_loaded(desk: Desk) -> None:
    gate = threading.Event()

    def run(model: Model, scope: CancelScope) -> Iterator[Event]:
        gate.wait(10)
        yield from ()

    desk.stage.submit(Job(1, run, CancelScope()))
    threading.Timer(0.3, gate.set).start()
    desk.stage.load(desk.model("second"), desk.answers.append)
    assert desk.ask() == ["second"]
    assert desk.answers == [None]
    assert desk.seen_at_load == [[], []]


def test_jobs_before_an_exchange_are_done_by_the_model_before_it(desk: Desk) -> None:
    done: list[str] = []

    def run(model: Model, scope: CancelScope) -> Iterator[Event]:
        done.append(model.name)
        yield from ()

    desk.stage.submit(Job(1, run, CancelScope()))
    desk.stage.load(desk.model("second"), desk.answers.append)
    assert desk.ask() == ["second"]
    assert done == ["first"]


def test_a_model_that_cannot_be_loaded_leaves_the_one_before_in_its_place(desk: Desk) -> None:
    desk.stage.load(broken, desk.answers.append)
    assert desk.ask() == ["first"]
    (answer,) = desk.answers
    assert isinstance(answer, ModelDoesNotFit)


def test_a_model_loaded_beside_works_only_from_the_switch_on(desk: Desk) -> None:
    wait = threading.Event()
    loaded = threading.Event()
    desk.stage.load_beside(desk.model("second", wait=wait), lambda error: loaded.set())
    assert desk.ask() == ["first"]
    wait.set()
    assert loaded.wait(10)
    assert desk.ask() == ["first"]
    desk.stage.switch()
    assert desk.ask() == ["second"]
    assert desk.seen_at_load == [[], ["first"]]


def test_a_model_that_cannot_be_loaded_beside_is_given_up(desk: Desk) -> None:
    failed = threading.Event()
    desk.stage.load_beside(broken, lambda error: failed.set())
    assert failed.wait(10)
    desk.stage.discard()
    desk.stage.switch()
    assert desk.ask() == ["first"]


def test_a_job_brings_back_a_model_that_was_unloaded(desk: Desk) -> None:
    desk.stage.unload()
    assert desk.ask() == ["first"]
    assert desk.seen_at_load == [[], []]


def test_what_can_be_loaded_by_nobody_fails_each_job_and_can_be_replaced(desk: Desk) -> None:
    desk.stage.unload()
    desk.stage.load(broken, desk.answers.append)
    assert desk.ask() == []
    assert [type(event) for event in desk.posted] == [JobFailed]
    desk.stage.load(desk.model("second"), desk.answers.append)
    assert desk.ask() == ["second"]


def test_a_model_that_came_back_is_the_one_that_is_loaded_again(desk: Desk) -> None:
    desk.stage.load(broken, desk.answers.append)
    desk.ask()
    desk.stage.unload()
    assert desk.ask() == ["first"]
