"""How many pairs of judging and taking the next a site serves, and how long one takes."""

import asyncio
import resource
import time
from collections.abc import Sequence
from typing import Any

from tests.benchmarks.queue_clients import ApiAnnotator, PageAnnotator
from tests.benchmarks.queue_site import QueueSite

Annotator = ApiAnnotator | PageAnnotator
WARM_UP = 3.0  # seconds that are not counted


def annotators(site: QueueSite, filled: dict[str, Any], way: str) -> list[Annotator]:
    """Everybody, over the API or on the page."""
    slug = filled["campaign"]
    if way == "api":
        return [ApiAnnotator(site.port, key, slug) for key in filled["keys"]]
    return [PageAnnotator(site.port, session, slug) for session in filled["sessions"]]


async def saturate(site: QueueSite, crowd: Sequence[Annotator], seconds: float) -> dict[str, Any]:
    """Everybody as fast as they are answered."""
    await _begin(crowd)
    await _together(crowd, WARM_UP)
    before = _used(site)
    begin = time.perf_counter()
    taken = await _together(crowd, seconds)
    elapsed = time.perf_counter() - begin
    return {
        "annotators": len(crowd),
        "pairs_per_second": round(len(taken) / elapsed, 1),
        **_quantiles(taken),
        **_costs(before, _used(site), elapsed, len(taken)),
    }


async def offer(
    site: QueueSite, crowd: Sequence[Annotator], seconds: float, rate: float
) -> dict[str, Any]:
    """A pair every 1/rate seconds, whatever became of the one before.

    The time of a pair runs from when it was due, so that a stall counts for all that wait for it.
    """
    await _begin(crowd)
    await _together(crowd, WARM_UP)
    before = _used(site)
    idle: asyncio.Queue[Annotator] = asyncio.Queue()
    for one in crowd:
        idle.put_nowait(one)
    taken: list[float] = []

    async def serve(due: float) -> None:
        one = await idle.get()
        await _pair(one)
        taken.append(time.perf_counter() - due)
        idle.put_nowait(one)

    begin = time.perf_counter()
    running = []
    for number in range(int(seconds * rate)):
        due = begin + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        running.append(asyncio.create_task(serve(due)))
    await asyncio.gather(*running)
    elapsed = time.perf_counter() - begin
    return {
        "offered_per_second": rate,
        "pairs": len(taken),
        **_quantiles(taken),
        **_costs(before, _used(site), elapsed, len(taken)),
    }


async def _begin(crowd: Sequence[Annotator]) -> None:
    assert all(await asyncio.gather(*(one.take() for one in crowd)))


async def _together(crowd: Sequence[Annotator], seconds: float) -> list[float]:
    end = time.perf_counter() + seconds
    taken: list[float] = []

    async def work(one: Annotator) -> None:
        while (begin := time.perf_counter()) < end:
            await _pair(one)
            taken.append(time.perf_counter() - begin)

    await asyncio.gather(*map(work, crowd))
    return taken


async def _pair(one: Annotator) -> None:
    await one.judge()
    assert await one.take()


def _quantiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    found = {name: ordered[int(share * (len(ordered) - 1))] for name, share in at.items()}
    return {f"{name}_ms": round(1000 * value, 1) for name, value in found.items()}


def _used(site: QueueSite) -> dict[str, float]:
    mine = resource.getrusage(resource.RUSAGE_SELF)
    return {"client": mine.ru_utime + mine.ru_stime, **site.cpu_seconds()}


def _costs(
    before: dict[str, float], after: dict[str, float], seconds: float, pairs: int
) -> dict[str, dict[str, float]]:
    """Processors kept busy, and processor time of a pair, which a busy machine changes least."""
    used = {name: after[name] - before[name] for name in before}
    return {
        "cores_used": {name: round(spent / seconds, 2) for name, spent in used.items()},
        "cpu_ms_a_pair": {name: round(1000 * spent / pairs, 2) for name, spent in used.items()},
    }
