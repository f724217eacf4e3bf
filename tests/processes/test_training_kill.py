"""SIGKILL of the training child, of the Celery worker and of PostgreSQL, in the middle of a run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from config.supervisor.broker import EmbeddedBroker
from config.supervisor.postgres import EmbeddedPostgres
from tests.conftest import ROOT, make_data_dir

pytestmark = pytest.mark.processes

LEASE_SECONDS = 4
PATIENCE_SECONDS = 300
CELERY = [sys.executable, "-m", "celery", "-A", "config.celery"]
# Enough steps for a run of some seconds, which stays in its phase `train` for most of them.
SETTINGS = {
    "optim.num_train_epochs": 2500,
    "early_stopping_patience": 2500,
    "head.architecture": "linear",
    "optim.train_batch_size": 32,
    "head.ensemble_size": 1,
}
RECOVER_EVERY_SECOND = """
WITH second AS (INSERT INTO django_celery_beat_intervalschedule (every, period)
                VALUES (1, 'seconds') RETURNING id)
INSERT INTO django_celery_beat_periodictask
  (name, task, args, kwargs, headers, enabled, one_off, total_run_count, date_changed, description,
   interval_id)
SELECT 'recover', 'training.runs_recover', '[]', '{}', '{}', true, false, 0, now(), '',
       id FROM second
"""


class Site:
    """PostgreSQL, broker and worker of one data folder; whatever it starts, it ends."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.postgres = EmbeddedPostgres(data_dir)
        self.broker = EmbeddedBroker(data_dir)
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "DATABASE_URL": self.postgres.url,
            "CELERY_BROKER_URL": self.broker.url,
            "DATA_DIR": str(self.data_dir),
            "RUN_LEASE": str(LEASE_SECONDS),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
        }

    def run(self, *words: str) -> None:
        """A command that ends by itself."""
        subprocess.run(
            [sys.executable, *words], env=self.environment, cwd=ROOT, check=True, timeout=120
        )

    def start(self, *words: str, log: str) -> subprocess.Popen[bytes]:
        """A process that stays; its output goes to a file."""
        with (self.data_dir / log).open("ab") as output:
            process = subprocess.Popen(
                words, env=self.environment, cwd=ROOT, stdout=output, stderr=output
            )
        self.processes.append(process)
        return process

    def start_broker(self) -> None:
        self.start(*self.broker.command, log="broker.log")
        wait_until(self.broker.is_ready, "the broker answers")

    def start_worker(self) -> subprocess.Popen[bytes]:
        """A Celery worker for both queues."""
        options = ["-Q", "gpu,cpu", "-c", "2", "--loglevel", "WARNING"]
        return self.start(*CELERY, "worker", *options, log="worker.log")

    def rows(self, query: str) -> list[tuple]:
        """The answer of the database, once it is there to answer."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with psycopg.connect(self.postgres.url, connect_timeout=5) as database:
                    return database.execute(query).fetchall()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def mid_run(self, attempt: int) -> bool:
        """Whether the run's attempt is in the middle of training."""
        return bool(
            self.rows(
                "SELECT 1 FROM feedback_trainingrun r JOIN feedback_runevent e ON e.run_id = r.id"
                f" WHERE r.state = 'running' AND r.attempt = {attempt}"
                f" AND e.attempt = {attempt} AND e.phase = 'train' LIMIT 1"
            )
        )

    def trainers(self) -> list[psutil.Process]:
        """The training children of this site, which name its folder on their command line."""
        return [one for one in self.alive() if {"trainers", "reward"} <= set(one.cmdline())]

    def alive(self) -> list[psutil.Process]:
        """Every process that has this site's folder in its command line or environment."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                told = [*process.cmdline(), process.environ().get("DATA_DIR", "")]
                mine = any(str(self.data_dir) in word for word in told)
                if mine and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return [process for process in found if process.pid != os.getpid()]

    def stop(self) -> None:
        """End what this site started, one by one."""
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()
        self.postgres.stop()


@pytest.fixture
def site() -> Iterator[Site]:
    """A migrated site with a pool, whose beat wakes the workers every second."""
    site = Site(make_data_dir())
    try:
        site.postgres.start()
        site.start_broker()
        site.run("manage.py", "migrate", "--verbosity", "0")
        site.run("-m", "tests.processes.persistent_judge", "prepare", "80")
        with psycopg.connect(site.postgres.url) as database:
            database.execute(RECOVER_EVERY_SECOND)
        site.start(*CELERY, "beat", "--pidfile=", "--max-interval", "1", log="beat.log")
        yield site
    finally:
        site.stop()


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait, but not for ever."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.1)


def test_a_run_survives_the_death_of_its_child_its_worker_and_its_database(site: Site) -> None:
    worker = site.start_worker()
    site.start(sys.executable, "-m", "tests.processes.persistent_judge", log="acknowledged")
    site.run("-c", QUEUE_A_RUN)

    wait_until(lambda: site.mid_run(1), "the first attempt trains")
    (child,) = site.trainers()
    child.kill()

    wait_until(lambda: site.mid_run(2), "the second attempt trains")
    (child,) = site.trainers()
    worker.kill()  # the child and the worker's pool must not outlive it
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "it ends")
    site.start_worker()

    wait_until(lambda: site.mid_run(3), "the third attempt trains")
    (child,) = site.trainers()
    acknowledged_before = len(acknowledged(site))
    kill_postgres(site)
    assert child.is_running(), "the child goes on while the database is away"
    wait_until(lambda: restarted(site.postgres), "PostgreSQL is back")
    wait_until(lambda: len(acknowledged(site)) > acknowledged_before + 5, "people judge again")

    wait_until(lambda: finished(site), "the run is over")
    assert site.rows("SELECT state, attempt, error FROM feedback_trainingrun") == [
        ("succeeded", 3, "")
    ], worker_log(site)
    assert site.rows("SELECT count(*) FROM feedback_checkpoint") == [(1,)]
    assert len(list((site.data_dir / "artifacts" / "reward").iterdir())) == 1
    assert len(list((site.data_dir / "snapshots").iterdir())) == 1
    assert not site.trainers()

    keys = acknowledged(site)
    kept = {row[0] for row in site.rows("SELECT idempotency_key FROM feedback_preference")}
    assert keys <= kept
    site.stop()
    assert site.alive() == []


QUEUE_A_RUN = f"""
import django; django.setup()
from feedback.training.services import run_request
run_request(kind="reward", config={SETTINGS})
"""


def kill_postgres(site: Site) -> None:
    """SIGKILL the server, as the kernel would when memory runs out."""
    server = site.postgres.process
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)
    server.wait()


def restarted(postgres: EmbeddedPostgres) -> bool:
    """Start the server again; it refuses while the processes of the killed one are still ending."""
    with suppress(RuntimeError):
        postgres.start()
        return True
    return False


def acknowledged(site: Site) -> set[str]:
    """Keys of the judgments whose saving was confirmed."""
    lines = (site.data_dir / "acknowledged").read_text().splitlines()
    return {line for line in lines if len(line) == 32}


def finished(site: Site) -> bool:
    """Whether no run is queued or running."""
    return not site.rows(
        "SELECT 1 FROM feedback_trainingrun WHERE state IN ('queued', 'running') LIMIT 1"
    )


def worker_log(site: Site) -> str:
    """What the workers said, for the message of a failure."""
    return (site.data_dir / "worker.log").read_text()[-3000:]
