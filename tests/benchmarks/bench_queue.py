"""The queue under load: exactness, throughput, latency, and the cost of the next task.

    PYTHONPATH=platform:. python tests/benchmarks/bench_queue.py [exact saturation latency cost]

Prints JSON. Each part starts a PostgreSQL and web processes of its own in a temporary folder
(durable: nothing is acknowledged before it is on disk), as `manage.py up` would, and ends them.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop

from tests.benchmarks.queue_crowd import Luck, finish
from tests.benchmarks.queue_load import annotators, offer, saturate
from tests.benchmarks.queue_site import QueueSite

PARTS = ("exact", "saturation", "latency", "cost")
LUCK = {
    "plain": Luck(),
    "leases run out": Luck(dawdles=0.1),
    "web processes are killed": Luck(dawdles=0.05, kill_every=2, kill_for=600),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=PARTS)
    parser.add_argument("--tasks", type=int, default=100_000, help="of saturation and latency")
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--exact-tasks", type=int, default=200)
    parser.add_argument("--exact-people", type=int, default=64)
    parser.add_argument("--sizes", nargs="+", default=["1000", "10000", "100000", "1000000"])
    arguments = parser.parse_args()
    measured: dict[str, Any] = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2)}
    for part in arguments.parts:
        measured[part] = globals()[part](arguments)
        print(part, json.dumps(measured[part])[:2000], file=sys.stderr)
    print(json.dumps(measured))


def exact(arguments: argparse.Namespace) -> dict[str, Any]:
    """A crowd on overlap 3 until the campaign is done, with ever worse luck."""
    found = {}
    for name, luck in LUCK.items():
        with running_site(lease_seconds=3 if luck.dawdles else 900) as site:
            filled = site.fill(
                tasks=arguments.exact_tasks, overlap=3, people=arguments.exact_people
            )
            site.start_web()
            site.start_expiry()
            begin = time.perf_counter()
            record = uvloop.run(finish(site, filled["keys"], filled["campaign"], luck))
            told = asdict(record)
            kept = {row[0] for row in site.rows("SELECT public_id FROM feedback_preference")}
            exactly, tasks = site.exact()
            found[name] = told | {
                "acknowledged": len(record.acknowledged),
                "acknowledged_and_not_kept": len(set(record.acknowledged.values()) - kept),
                "judgments": len(kept),
                "tasks": tasks,
                "tasks_with_exactly_3_by_3": exactly,
                "seconds": round(time.perf_counter() - begin, 1),
            }
    return found


def saturation(arguments: argparse.Namespace) -> dict[str, Any]:
    """As many pairs a second as there are, over the API and on the page."""
    with running_site() as site:
        filled = site.fill(tasks=arguments.tasks, overlap=3, people=arguments.people)
        site.start_web()
        return {"web_processes": site.expected_workers} | {
            way: uvloop.run(saturate(site, annotators(site, filled, way), arguments.seconds))
            for way in ("api", "page")
        }


def latency(arguments: argparse.Namespace) -> dict[str, Any]:
    """The time of a pair at an offered rate, over the API and on the page."""
    with running_site() as site:
        filled = site.fill(tasks=arguments.tasks, overlap=3, people=arguments.people)
        site.start_web()
        return {"web_processes": site.expected_workers} | {
            way: uvloop.run(
                offer(site, annotators(site, filled, way), arguments.seconds, arguments.rate)
            )
            for way in ("api", "page")
        }


def cost(arguments: argparse.Namespace) -> dict[str, Any]:
    """The leasing statement by the size of the campaign."""
    with running_site() as site:
        site.postgres.start()
        site.run("manage.py", "migrate", "--verbosity", "0")
        printed = site.run("-m", "tests.benchmarks.queue_cost", "--sizes", *arguments.sizes)
        found: dict[str, Any] = json.loads(printed.splitlines()[-1])
        return found


@contextmanager
def running_site(lease_seconds: float = 900) -> Iterator[QueueSite]:
    """A site in a temporary folder, which PostgreSQL's account may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="bench-queue-"))
    folder.chmod(0o711)
    site = QueueSite(folder, lease_seconds=lease_seconds)
    try:
        yield site
    finally:
        site.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
