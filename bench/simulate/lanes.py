"""The simulated lanes: jobs that share the cores, slower when the clock is lowered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

STAGES = ("stt", "turn", "llm", "tts", "load")


@dataclass
class Job:
    """Work of a turn: parts, each of so many seconds at the full clock, and what follows."""

    turn: int
    threads: int
    guess: bool = False
    parts: deque[tuple[float, Callable[[], None]]] = field(default_factory=deque)

    def then(self, seconds: float, done: Callable[[], None]) -> Job:
        """Add a part."""
        self.parts.append((seconds, done))
        return self


class Lanes:
    """One queue a stage; of each the first job runs.

    Attributes:
        work_s: core seconds done so far.

    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._queues: dict[str, deque[Job]] = {stage: deque() for stage in STAGES}
        self.work_s = 0.0

    def submit(self, stage: str, job: Job) -> None:
        """Queue a job. What is sure takes the place of what is a guess, and so does a new guess."""
        queue = self._queues[stage]
        kept = [each for each in queue if not each.guess]
        queue.clear()
        queue.extend([*kept, job])

    def cancel(self, turn: int) -> None:
        """Forget all jobs of ``turn``."""
        for queue in self._queues.values():
            kept = [each for each in queue if each.turn != turn]
            queue.clear()
            queue.extend(kept)

    def next_end(self, clock: float) -> float:
        """Return the seconds until the first part ends."""
        rate = self._rate(clock)
        return min((job.parts[0][0] / rate for job in self._running()), default=inf)

    def busy(self) -> float:
        """Return the number of cores that work."""
        return float(min(self._cores, sum(job.threads for job in self._running())))

    def advance(self, seconds: float, clock: float) -> list[Callable[[], None]]:
        """Let time pass; return what follows from the parts that ended."""
        self.work_s += self.busy() * seconds
        done_s = seconds * self._rate(clock)
        ended = []
        for queue in self._queues.values():
            if queue:
                parts = queue[0].parts
                left_s, done = parts.popleft()
                if left_s - done_s > 1e-9:
                    parts.appendleft((left_s - done_s, done))
                    continue
                ended.append(done)
                if not parts:
                    queue.popleft()
        return ended

    def _running(self) -> list[Job]:
        return [queue[0] for queue in self._queues.values() if queue]

    def _rate(self, clock: float) -> float:
        wanted = sum(job.threads for job in self._running())
        return clock * min(1.0, self._cores / max(1, wanted))
