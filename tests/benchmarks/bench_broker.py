"""The two candidates for the embedded broker, measured: Redis on a socket, Kombu on PostgreSQL.

    PYTHONPATH=platform python tests/benchmarks/bench_broker.py

Prints JSON. The candidate over PostgreSQL needs `pip install sqlalchemy`, which the project itself
does not use. Each runs a real Celery worker with two processes; decision 0001 reads the
numbers.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from celery import Celery

from config.supervisor.broker import EmbeddedBroker
from config.supervisor.postgres import EmbeddedPostgres

RECORD = os.environ.get("BENCH_RECORD", os.devnull)  # one line a finished task
app = Celery("bench_broker", broker=os.environ.get("BENCH_BROKER"))
app.conf.update(
    task_default_queue="bench",
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,  # as in the settings of the site
)


@app.task(name="bench.stamp")
def stamp(number: int, sent: float, pause: float = 0.0) -> None:
    """Write down how long the message took; then be busy for a while."""
    waited = time.time() - sent
    time.sleep(pause)
    with Path(RECORD).open("a") as record:
        record.write(f"{number} {waited}\n")


class Server:
    """A broker under test: how to run it, and where."""

    def __init__(self, embedded: EmbeddedBroker | EmbeddedPostgres, url: str) -> None:
        self.embedded, self.url = embedded, url
        self.process: psutil.Popen | None = None

    def start(self) -> float:
        """Seconds until it answers."""
        begin = time.monotonic()
        while True:
            process = psutil.Popen(
                self.embedded.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
            )
            while process.poll() is None:
                if self.embedded.is_ready():
                    self.process = process
                    return time.monotonic() - begin
                time.sleep(0.02)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def family(self) -> list[psutil.Process]:
        assert self.process is not None
        return [self.process, *self.process.children(recursive=True)]


def redis_server(folder: Path) -> Server:
    broker = EmbeddedBroker(folder)
    return Server(broker, broker.url)


def postgres_server(folder: Path) -> Server:
    postgres = EmbeddedPostgres(folder)
    postgres.prepare()
    words = f"feedback:{postgres.password}@/feedback?host={postgres.socket_folder}"
    return Server(postgres, f"sqla+postgresql+psycopg://{words}")


CANDIDATES: dict[str, Callable[[Path], Server]] = {
    "redis": redis_server,
    "postgresql": postgres_server,
}


@contextmanager
def worker(url: str, record: Path) -> Iterator[psutil.Popen]:
    """A Celery worker with two processes."""
    here = str(Path(__file__).parent)
    environment = os.environ | {"BENCH_BROKER": url, "BENCH_RECORD": str(record)}
    environment["PYTHONPATH"] = os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])
    words = [
        "-m",
        "celery",
        "-A",
        "bench_broker",
        "worker",
        "-Q",
        "bench",
        "-c",
        "2",
        "--without-mingle",
        "-l",
        "ERROR",
    ]
    process = psutil.Popen([sys.executable, *words], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        family = process.children(recursive=True) if process.is_running() else []
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=30)
        psutil.wait_procs(family, timeout=10)


def lines(record: Path) -> list[tuple[int, float]]:
    text = record.read_text() if record.exists() else ""
    return [(int(n), float(s)) for n, s in (line.split() for line in text.splitlines())]


def wait_for(record: Path, count: int, *, limit: float) -> list[tuple[int, float]]:
    deadline = time.monotonic() + limit
    while len(found := lines(record)) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def send(count: int, *, pause: float = 0.0, every: float = 0.0) -> float:
    """Enqueue, and say how many seconds it took."""
    begin = time.monotonic()
    for number in range(count):
        stamp.delay(number, time.time(), pause)
        time.sleep(every)
    return time.monotonic() - begin


def cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def measure_worker(server: Server, record: Path, *, messages: int, idle: float) -> dict[str, float]:
    """Latency, rates, idle cost, with a living worker."""
    with worker(server.url, record) as process:
        send(1)
        wait_for(record, 1, limit=60)
        send(40, every=0.31)
        waits = sorted(wait for _, wait in wait_for(record, 41, limit=60)[1:])
        enqueue = send(messages)
        begin = time.monotonic()
        wait_for(record, 41 + messages, limit=300)
        drain = time.monotonic() - begin + enqueue
        watched = [process, *process.children(recursive=True), *server.family()]
        before = cpu_seconds(watched)
        time.sleep(idle)
        used = cpu_seconds(watched) - before
        memory = sum(p.memory_full_info().pss for p in server.family()) / 2**20
    return {
        "latency_median_ms": round(1000 * statistics.median(waits), 1),
        "latency_p95_ms": round(1000 * waits[int(0.95 * len(waits))], 1),
        "enqueued_per_second": round(messages / enqueue),
        "finished_per_second": round(messages / drain),
        "idle_cpu_percent": round(100 * used / idle, 2),
        "broker_memory_mb": round(memory, 1),
    }


def measure_killed_worker(server: Server, record: Path, *, wait: float) -> dict[str, int]:
    """Of 40 messages, how many a second worker finishes after the first was killed at work."""
    with worker(server.url, record) as process:
        send(40, pause=0.1)
        wait_for(record, 5, limit=60)
        for member in [*process.children(recursive=True), process]:
            member.kill()
        process.wait()
    with worker(server.url, record):
        time.sleep(wait)
        numbers = [number for number, _ in lines(record)]
    return {
        "sent": 40,
        "finished": len(set(numbers)),
        "finished_twice": len(numbers) - len(set(numbers)),
        "lost_or_late": 40 - len(set(numbers)),
    }


def measure_killed_broker(server: Server, record: Path) -> dict[str, float]:
    """Of 100 waiting messages, how many are left after the broker was killed."""
    send(100)
    server.kill()
    seconds = server.start()
    app.connection_for_write().ensure_connection(max_retries=50)
    with worker(server.url, record):
        send(1)
        time.sleep(6)
    return {"waiting": 100, "kept": len(lines(record)) - 1, "restart_seconds": round(seconds, 2)}


def measure(name: str, *, messages: int, idle: float) -> dict[str, object]:
    folder = Path(tempfile.mkdtemp(prefix="bench-broker-"))
    folder.chmod(0o711)
    server = CANDIDATES[name](folder)
    start = server.start()
    app.conf.broker_url = server.url
    try:
        return {
            "start_seconds": round(start, 2),
            **measure_worker(server, folder / "normal", messages=messages, idle=idle),
            "killed_worker": measure_killed_worker(server, folder / "killed", wait=10),
            "killed_broker": measure_killed_broker(server, folder / "restarted"),
        }
    finally:
        app.pool.force_close_all()
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidate", choices=CANDIDATES)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--idle", type=float, default=20.0)
    options = parser.parse_args()
    if options.candidate:
        print(json.dumps(measure(options.candidate, messages=options.messages, idle=options.idle)))
        return
    answers = {}
    for name in CANDIDATES:  # a process each: Celery keeps its connections
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--candidate", name],
            stdout=subprocess.PIPE,
            check=True,
        )
        answers[name] = json.loads(done.stdout.splitlines()[-1])
        print(name, answers[name], file=sys.stderr)
    print(json.dumps(answers, indent=2))


if __name__ == "__main__":
    main()
