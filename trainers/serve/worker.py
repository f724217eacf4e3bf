"""A thread that does one kind of work, so that the event loop never waits for a model."""

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
    items: Sequence[Item] = field(compare=False)
    future: "Future[list[Result]]" = field(compare=False)


class Batcher(Generic[Item, Result]):
    """Runs `work` on items of several calls together.

    Nothing waits for company: a call that finds the thread idle starts at once, and those that
    come while it is busy share the next batch. A large call is cut into parts, which let small
    calls pass.
    """

    def __init__(
        self, name: str, work: Callable[[list[Item]], Sequence[Result]], *, size: int
    ) -> None:
        self._work = work
        self._size = size
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
        self._submit([])
        self._thread.join(STOP_SECONDS)

    async def run(self, items: Sequence[Item]) -> list[Result]:
        """The results of a call's items, in their order."""
        futures = [
            asyncio.wrap_future(self._submit(items[start : start + self._size], len(items)))
            for start in range(0, len(items), self._size)
        ]
        return [result for part in await asyncio.gather(*futures) for result in part]

    def _submit(self, items: Sequence[Item], whole: int = 0) -> "Future[list[Result]]":
        future: Future[list[Result]] = Future()
        self._jobs.put(_Job(whole > self._size, next(self._numbers), items, future))
        return future

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._answer(self._gather())

    def _gather(self) -> list[_Job[Item, Result]]:
        """The next job, and those already waiting that fit beside it."""
        jobs = [self._jobs.get()]
        while sum(len(job.items) for job in jobs) < self._size:
            try:
                jobs.append(self._jobs.get_nowait())
            except queue.Empty:
                break
        return [job for job in jobs if job.future.set_running_or_notify_cancel()]

    def _answer(self, jobs: list[_Job[Item, Result]]) -> None:
        try:
            results = list(self._work([item for job in jobs for item in job.items]))
        except Exception as error:  # the callers' to report; the thread must live on
            for job in jobs:
                job.future.set_exception(error)
            return
        for job in jobs:
            job.future.set_result(results[: len(job.items)])
            del results[: len(job.items)]
