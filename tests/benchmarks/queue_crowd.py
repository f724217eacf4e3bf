"""A crowd that finishes a campaign under bad luck: leases run out, web processes are killed."""

import asyncio
import random
from dataclasses import dataclass, field

from tests.benchmarks.queue_clients import ApiAnnotator, RequestError
from tests.benchmarks.queue_site import QueueSite

CUT_OFF = (OSError, asyncio.IncompleteReadError)


@dataclass(slots=True)
class Luck:
    """What goes wrong: the share of tasks held too long, and the seconds between two kills."""

    dawdles: float = 0.0
    kill_every: float = 0.0
    kill_for: float = 0.0


@dataclass(slots=True)
class Record:
    """What the annotators were told."""

    acknowledged: dict[str, str] = field(default_factory=dict)  # by assignment: the judgment
    repeated: int = 0  # acknowledgements of one assignment that named another judgment
    lost: int = 0  # leases that had run out
    cut_off: int = 0  # requests whose connection was cut
    killed: int = 0


async def finish(site: QueueSite, keys: list[str], slug: str, luck: Luck) -> Record:
    """Let everybody work until each task has what it wants."""
    record = Record()
    crowd = [ApiAnnotator(site.port, key, slug, number=n) for n, key in enumerate(keys)]
    done = asyncio.Event()
    workers = [asyncio.create_task(_work(one, site, luck, record, done)) for one in crowd]
    background = [asyncio.create_task(_watch(site, done))]
    if luck.kill_every:
        background.append(asyncio.create_task(_kill(site, luck, record)))
    await asyncio.gather(*workers)
    for task in background:
        task.cancel()
    return record


async def _work(
    one: ApiAnnotator, site: QueueSite, luck: Luck, record: Record, done: asyncio.Event
) -> None:
    chance = random.Random(one.number)
    while not done.is_set():
        try:
            if not await one.take():
                await asyncio.sleep(0.2)
                continue
            if chance.random() < luck.dawdles:
                await asyncio.sleep(site.lease_seconds * chance.uniform(0.9, 1.3))
            await _judge(one, chance, record)
        except CUT_OFF:
            record.cut_off += 1
            await asyncio.sleep(0.1)
    one.connection.close()


async def _judge(one: ApiAnnotator, chance: random.Random, record: Record) -> None:
    """Send the judgment until it is acknowledged or refused; now and then twice."""
    choice = chance.choice(["1", "2", "tie", "both_bad"])
    for _ in range(1 if chance.random() < 0.9 else 2):
        while True:
            try:
                receipt = await one.judge(choice)
                break
            except CUT_OFF:
                record.cut_off += 1
                await asyncio.sleep(0.1)
            except RequestError as error:
                if "lease_lost" not in str(error):
                    raise
                record.lost += 1
                return
        first = record.acknowledged.setdefault(one.held, receipt["preference"])
        record.repeated += first != receipt["preference"]


async def _watch(site: QueueSite, done: asyncio.Event) -> None:
    while not done.is_set():
        await asyncio.sleep(0.5)
        exact, tasks = await asyncio.to_thread(site.exact)
        if exact == tasks:
            done.set()


async def _kill(site: QueueSite, luck: Luck, record: Record) -> None:
    chance = random.Random(0)
    loop = asyncio.get_running_loop()
    end = loop.time() + luck.kill_for
    while loop.time() < end:
        await asyncio.sleep(luck.kill_every * chance.uniform(0.5, 1.5))
        record.killed += await asyncio.to_thread(site.kill_one, chance)
