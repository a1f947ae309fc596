"""A stage of the loop: the lane that does its work at present, and how its model is exchanged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from edgevoice.core.events import Event
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.clock import Clock
from edgevoice.runtime.lane import Job, Lane

Engine = TypeVar("Engine")

Load = Callable[[], Engine]

Answer = Callable[[BaseException | None], None]
"""Called in a lane's thread when a model was loaded, or with what kept it from loading."""

GONE_S = 60.0
"""How long to wait for a model to be gone before another takes its memory: a job in the middle of
a native call ends first."""


class Stage(Generic[Engine]):
    """Use it from the conversation's thread. Between ``unload`` and ``load`` there is no lane.

    A job that comes meanwhile loads the last model again and waits for it, so that nothing that
    was asked for is lost.
    """

    def __init__(
        self,
        name: str,
        load: Load[Engine],
        post: Callable[[Event], None],
        clock: Clock,
        activity: Activity,
    ) -> None:
        self.name = name
        self._load = load
        self._post = post
        self._clock = clock
        self._activity = activity
        self._lane: Lane[Engine] | None = self._begin(load)
        self._spare: tuple[Lane[Engine], Load[Engine]] | None = None

    def wait_loaded(self) -> None:
        """Wait for the model. Raises what kept it from loading, as ``Lane.wait_loaded`` does."""
        if self._lane:
            self._lane.wait_loaded()

    def submit(self, job: Job[Engine]) -> None:
        """Queue ``job``."""
        self._lane = self._lane or self._begin(self._load)
        self._lane.submit(job)

    def load(self, load: Load[Engine], answer: Answer) -> None:
        """Load a model in place of the present one, which goes first.

        Where the new one cannot be loaded the present one comes back, before jobs are done.
        """
        former, before = self._lane, self._load
        if former:
            former.close(timeout_s=0.0)

        def exchange() -> Engine:
            if former:
                former.close(GONE_S)
            try:
                return _answering(load, answer)
            except BaseException:
                if not former:
                    raise
                self._load = before
                return before()

        self._load = load
        self._lane = self._begin(exchange)

    def load_beside(self, load: Load[Engine], answer: Answer) -> None:
        """Load a model while the present one goes on; ``switch`` then lets the new one work."""
        self._spare = self._begin(lambda: _answering(load, answer)), load

    def switch(self) -> None:
        """Let the model work that was loaded beside, and free the one before it."""
        if self._spare:
            former = self._lane
            (self._lane, self._load), self._spare = self._spare, None
            if former:
                former.close(timeout_s=0.0)

    def discard(self) -> None:
        """Give up what was to be loaded beside."""
        if self._spare:
            self._spare[0].close(timeout_s=0.0)
            self._spare = None

    def unload(self) -> None:
        """Free the model, once the jobs that are queued are done."""
        former, self._lane = self._lane, None
        if former:
            former.close(timeout_s=0.0)

    def give_up(self, limit_s: float) -> int | None:
        """Leave a job behind that has yielded nothing for ``limit_s``, and load the model anew.

        Returns its turn, None when there is no such job.
        """
        turn = self._lane.stalled(limit_s) if self._lane else None
        if self._lane and turn is not None:
            self._lane.abandon()
            self._lane = self._begin(self._load)
        return turn

    def close(self) -> None:
        """End the lanes. Cancel the jobs' scopes first to hurry it."""
        self.discard()
        if self._lane:
            self._lane.close()

    def _begin(self, load: Load[Engine]) -> Lane[Engine]:
        """Return a new lane; its loading is work under way, so that a file's time waits for it."""

        def counted() -> Engine:
            try:
                return load()
            finally:
                self._activity.end()

        self._activity.begin()
        return Lane(self.name, counted, self._post, self._clock, self._activity)


def _answering(load: Load[Engine], answer: Answer) -> Engine:
    try:
        engine = load()
    except BaseException as error:
        answer(error)
        raise
    answer(None)
    return engine
