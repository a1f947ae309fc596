"""A lane: the thread that owns one native engine and runs one job at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

from edgevoice.cancel import Cancelled, CancelScope
from edgevoice.core.events import Event, JobFailed
from edgevoice.errors import BackendFailed, EdgeVoiceError
from edgevoice.runtime.activity import Activity
from edgevoice.runtime.clock import Clock

Engine = TypeVar("Engine")


@dataclass(frozen=True, slots=True)
class Job(Generic[Engine]):
    """A piece of work for ``turn``: called with the engine, it yields events."""

    turn: int
    run: Callable[[Engine, CancelScope], Iterator[Event]]
    scope: CancelScope


class Lane(Generic[Engine]):
    """Runs jobs in order on its own thread and posts the events that they yield.

    The engine is loaded, used and dropped in the lane's thread and never leaves it, so
    backends need no locks. An error in a job is posted as ``JobFailed``; it does not stop
    the lane.
    """

    def __init__(
        self,
        stage: str,
        load: Callable[[], Engine],
        post: Callable[[Event], None],
        clock: Clock,
        activity: Activity,
    ) -> None:
        self.stage = stage
        self._load = load
        self._post = post
        self._clock = clock
        self._activity = activity
        self._jobs: SimpleQueue[Job[Engine] | None] = SimpleQueue()
        self._loaded = threading.Event()
        self._load_error: BaseException | None = None
        self._progress_at: float | None = None
        self._turn = 0
        self._abandoned = False
        self._thread = threading.Thread(target=self._work, name=f"lane-{stage}", daemon=True)
        self._thread.start()

    def wait_loaded(self) -> None:
        """Wait until the engine is ready.

        Raises:
            EdgeVoiceError: it could not be loaded.

        """
        self._loaded.wait()
        if isinstance(self._load_error, Exception) and not isinstance(
            self._load_error, EdgeVoiceError
        ):
            problem = f"The {self.stage} model cannot be loaded: {self._load_error}"
            raise BackendFailed(problem, hint="edgevoice doctor") from self._load_error
        if self._load_error:
            raise self._load_error

    def submit(self, job: Job[Engine]) -> None:
        """Queue ``job``. If its scope is cancelled first, it never starts."""
        self._activity.begin()
        self._jobs.put(job)

    def stalled(self, limit_s: float) -> int | None:
        """Return the turn of the job that has yielded nothing for ``limit_s`` of real time."""
        since = self._progress_at
        if since is None or time.monotonic() - since < limit_s:
            return None
        return self._turn

    def abandon(self) -> None:
        """Give up a job that does not return: its events are dropped, its thread left behind."""
        self._abandoned = True
        self._jobs.put(None)
        self._activity.end()

    def close(self, timeout_s: float = 2.0) -> None:
        """Finish the queued jobs, then end the thread. Cancel their scopes to hurry it.

        A native call that does not return within ``timeout_s`` is left to the end of the process.
        """
        self._jobs.put(None)
        self._thread.join(timeout_s)

    def _work(self) -> None:
        try:
            engine = self._load()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the starter shall see it
            self._load_error = error
            self._loaded.set()
            self._refuse(error)
            return
        self._loaded.set()
        while (job := self._jobs.get()) is not None:
            self._run(engine, job)
            if self._abandoned:
                return
            self._activity.end()

    def _refuse(self, error: BaseException) -> None:
        """Answer the jobs of a lane without an engine."""
        while (job := self._jobs.get()) is not None:
            self._fail(job, error)
            self._activity.end()

    def _fail(self, job: Job[Engine], error: BaseException) -> None:
        problem = error.problem if isinstance(error, EdgeVoiceError) else repr(error)
        if not self._abandoned and not job.scope.cancelled:
            self._post(JobFailed(self._clock.now(), job.turn, self.stage, problem))

    def _run(self, engine: Engine, job: Job[Engine]) -> None:
        self._turn, self._progress_at = job.turn, time.monotonic()
        try:
            job.scope.check()
            for event in job.run(engine, job.scope):
                job.scope.check()
                if self._abandoned:
                    return
                self._post(event)
                self._progress_at = time.monotonic()
        except Cancelled:
            pass
        except Exception as error:  # noqa: BLE001 - the lane must outlive its jobs
            self._fail(job, error)
        finally:
            self._progress_at = None
