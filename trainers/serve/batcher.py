"""A thread that does one kind of work in batches; the event loop never waits for a model."""

import asyncio
import itertools
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

STOP_SECONDS = 0.5


@dataclass(order=True, slots=True)
class _Job(Generic[Item, Result]):
    """Some items of one call. Ordered: small calls first, then as they came."""

    large: bool
    number: int
    cost: int = field(compare=False)
    items: Sequence[Item] = field(compare=False)
    future: "Future[list[Result]]" = field(compare=False)


class Batcher(Generic[Item, Result]):
    """Runs `work` on items of several calls together.

    No call waits for a batch to fill: one that finds the thread idle starts at once, and those that
    come while it is busy share the next batch. A call that costs more than a batch is cut into
    parts, which let small calls pass.

    size  what a batch may cost together, in the unit of `cost`
    cost  of one item; 1 unless given
    """

    def __init__(
        self,
        name: str,
        work: Callable[[list[Item]], Sequence[Result]],
        *,
        size: int,
        cost: Callable[[Item], int] = lambda _: 1,
    ) -> None:
        self._work = work
        self._size = size
        self._cost = cost
        self._jobs: queue.PriorityQueue[_Job[Item, Result]] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to take calls."""
        self._thread.start()

    def stop(self) -> None:
        """Leave what is queued undone; the batch under way is given a moment to end."""
        self._stopping.set()
        self._submit([])  # wakes the thread where it waits for a job
        self._thread.join(STOP_SECONDS)

    async def run(self, items: Sequence[Item]) -> list[Result]:
        """Return the results of a call's items, in their order. Raises what `work` raises."""
        parts = self._parts(items)
        futures = [asyncio.wrap_future(self._submit(part, large=len(parts) > 1)) for part in parts]
        return [result for part in await asyncio.gather(*futures) for result in part]

    def _parts(self, items: Sequence[Item]) -> list[list[Item]]:
        """Return the items in order, as many a part as fit a batch; one that is larger is alone."""
        parts: list[list[Item]] = []
        room = 0
        for item in items:
            cost = self._cost(item)
            if not parts or cost > room:
                parts.append([])
                room = self._size
            parts[-1].append(item)
            room -= cost
        return parts

    def _submit(self, items: Sequence[Item], *, large: bool = False) -> "Future[list[Result]]":
        """Queue a job and return its future."""
        future: Future[list[Result]] = Future()
        cost = sum(map(self._cost, items))
        self._jobs.put(_Job(large, next(self._numbers), cost, items, future))
        return future

    def _run(self) -> None:
        """Work until stopped."""
        while True:
            jobs = self._gather()
            if self._stopping.is_set():
                return
            self._answer(jobs)

    def _gather(self) -> list[_Job[Item, Result]]:
        """Return the next job, and those already waiting that fit beside it.

        A small call never shares a batch with part of a large one, which it would wait for.
        """
        jobs = [self._jobs.get()]
        room = self._size - jobs[0].cost
        while room > 0:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job.cost > room or job.large != jobs[0].large:
                # With the number it had: it keeps its turn.
                self._jobs.put(job)
                break
            jobs.append(job)
            room -= job.cost
        # A call that was cancelled meanwhile costs no work.
        return [job for job in jobs if job.future.set_running_or_notify_cancel()]

    def _answer(self, jobs: list[_Job[Item, Result]]) -> None:
        """Do a batch's work and hand each call its results."""
        try:
            results = list(self._work([item for job in jobs for item in job.items]))
        except Exception as error:  # the callers' to report; the thread must live on
            for job in jobs:
                job.future.set_exception(error)
            return
        # The results lie call after call, as the items did.
        for job in jobs:
            job.future.set_result(results[: len(job.items)])
            del results[: len(job.items)]
