"""The site as far as annotators need it: PostgreSQL, and the web processes that `up` would run."""

import asyncio
import json
import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg

from config.supervisor.plan import Plan, any_port, web_service
from config.supervisor.postgres import EmbeddedPostgres
from tests.benchmarks.queue_clients import ApiAnnotator, RequestError
from tests.loops import run_async

ROOT = Path(__file__).resolve().parents[2]
JUDGED = """
SELECT count(*) FILTER (WHERE judged = wanted AND people = wanted AND taken = wanted
                          AND submitted = wanted), count(*)
  FROM (SELECT t.wanted, t.taken, t.submitted, count(p.id) AS judged,
               count(DISTINCT p.rater_id) AS people
          FROM feedback_task t
          LEFT JOIN feedback_preference p ON p.comparison_id = t.comparison_id
               AND p.state = 'active' AND p.campaign_id = t.campaign_id
         GROUP BY t.id) counted
"""


class QueueSite:
    """A site in a folder of its own; whatever it starts, it ends."""

    def __init__(self, data_dir: Path, *, lease_seconds: float = 900, durable: bool = True) -> None:
        self.data_dir = data_dir
        self.port = any_port()
        self.postgres = EmbeddedPostgres(data_dir, durable=durable)
        self.lease_seconds = lease_seconds
        self.processes: list[subprocess.Popen[bytes]] = []
        self.web: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process of the site."""
        plan = Plan(self.data_dir, self.port, addresses={"DATABASE_URL": self.postgres.url})
        lease = {"LEASE": str(self.lease_seconds), "CELERY_BROKER_URL": "memory://"}
        return plan.environment | lease

    def fill(self, *, tasks: int, overlap: int, people: int) -> dict[str, Any]:
        """Start PostgreSQL, migrate, and make a campaign with its annotators."""
        self.postgres.start()
        self.run("manage.py", "migrate", "--verbosity", "0")
        words = ["--tasks", tasks, "--overlap", overlap, "--people", people]
        printed = self.run("-m", "tests.benchmarks.queue_setup", "fill", *map(str, words))
        filled: dict[str, Any] = json.loads(printed.splitlines()[-1])
        self.rows("VACUUM ANALYZE")
        return filled

    def run(self, *words: str) -> str:
        """A command that ends by itself; what it prints."""
        done = subprocess.run(
            [sys.executable, *words],
            env=self.environment,
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """A process that stays; its output goes to a file."""
        with (self.data_dir / "site.log").open("ab") as log:
            process = subprocess.Popen(
                words, env=self.environment, cwd=ROOT, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def start_web(self) -> None:
        """The web processes, until they answer."""
        self.web = self.start(*web_service(Plan(self.data_dir, self.port)).command)
        deadline = time.monotonic() + 60
        while len(self.workers()) < self.expected_workers or not run_async(self._answers()):
            assert time.monotonic() < deadline, (self.data_dir / "site.log").read_text()[-3000:]
            time.sleep(0.2)

    @property
    def expected_workers(self) -> int:
        """How many web processes there are when all is well."""
        assert self.web is not None
        command = web_service(Plan(self.data_dir, self.port)).command
        return int(command[command.index("--workers") + 1])

    def start_expiry(self, every: float = 0.5) -> None:
        """What ends leases, as beat does."""
        words = ["-m", "tests.benchmarks.queue_setup", "expire", "--every", str(every)]
        self.start(sys.executable, *words)

    async def _answers(self) -> bool:
        stranger = ApiAnnotator(self.port, "none", "none")
        with suppress(OSError, asyncio.IncompleteReadError):
            with suppress(RequestError):
                await stranger.take()
            return True
        return False

    def workers(self) -> list[psutil.Process]:
        """The web processes that serve, which uvicorn's first process keeps alive."""
        assert self.web is not None
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.web.pid).children()
            if not children:
                return [psutil.Process(self.web.pid)]
            return [c for c in children if "resource_tracker" not in " ".join(c.cmdline())]
        return []

    def kill_one(self, chance: random.Random) -> bool:
        """SIGKILL one web process."""
        workers = self.workers()
        if len(workers) < 2:
            return False
        with suppress(psutil.NoSuchProcess):
            chance.choice(workers).kill()
            return True
        return False

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The answer of the database."""
        with psycopg.connect(self.postgres.url, autocommit=True) as database:
            cursor = database.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def exact(self) -> tuple[int, int]:
        """How many tasks have exactly the judgments that they want, by different people; of all."""
        ((exact, tasks),) = self.rows(JUDGED)
        return exact, tasks

    def cpu_seconds(self) -> dict[str, float]:
        """What the web processes and PostgreSQL have used so far."""
        assert self.web is not None
        assert self.postgres.process is not None
        pids = {"web": self.web.pid, "postgres": self.postgres.process.pid}
        return {name: _cpu(psutil.Process(pid)) for name, pid in pids.items()}

    def stop(self) -> None:
        """End what this site started, one by one."""
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
        self.postgres.stop()


def _cpu(process: psutil.Process) -> float:
    """The seconds of a process and of its descendants, those that ended too."""
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system
    return float(total)
