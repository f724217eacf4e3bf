"""Processor time of one read on the hot path: prepared, by the ORM, and by `server_side_binding`.

    python tests/benchmarks/bench_prepared.py

Starts a throw-away PostgreSQL and reads one assignment with its task, campaign, comparison, prompt
and both answers (a join of seven tables) 1,000 times each way, five times by turns. Prints one JSON
object: milliseconds a read, of Python and of the server's process, each the median of the five.
Needs Linux, which counts the processor time of the server's process.
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
READS, TURNS = 1000, 5
RELATED = ("task__campaign", "task__comparison__turn")
RELATED += ("task__comparison__response_a", "task__comparison__response_b")

Costs = dict[str, float]


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="feedback-bench-"))
    folder.chmod(0o711)
    os.environ |= {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "config.settings"}
    os.environ["CELERY_BROKER_URL"] = "memory://"
    from config.supervisor.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    os.environ["DATABASE_URL"] = server.url
    try:
        sys.stdout.write(json.dumps(measure()) + "\n")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure() -> dict[str, Costs]:
    import django

    django.setup()
    from feedback.annotation.selectors import assignment_taken
    from feedback.campaigns.models import Assignment

    key = fill()

    def by_orm() -> object:
        return Assignment.objects.select_related(*RELATED).get(pk=key)

    ways: dict[str, tuple[Callable[[], object], bool]] = {
        "prepared": (lambda: assignment_taken(key), False),
        "orm": (by_orm, False),
        "orm, server_side_binding": (by_orm, True),
    }
    found: dict[str, list[Costs]] = {name: [] for name in ways}
    for _turn in range(TURNS):
        for name, (read, binding) in ways.items():
            connect(binding=binding)
            found[name].append(cost(read))
    return {
        name: {part: round(statistics.median(run[part] for run in runs), 2) for part in runs[0]}
        for name, runs in found.items()
    }


def fill() -> UUID:
    """A campaign of 50 tasks; the assignment of one of them."""
    from django.core.management import call_command

    from feedback.annotation.services import task_lease
    from feedback.campaigns.models import Assignment
    from feedback.people.services import consent_give, named_contributor_create
    from tests.feedback.annotation.campaigns import make_campaign

    call_command("migrate", verbosity=0)
    make_campaign(tasks=50)
    annotator = named_contributor_create(name="annotator")
    consent_give(contributor=annotator)
    task_lease(contributor=annotator)
    return Assignment.objects.get().pk


def connect(*, binding: bool) -> None:
    """Begin a new connection, outside of the pool, that binds values as asked."""
    from django.db import connection

    connection.close()
    connection.settings_dict["OPTIONS"].update(pool=None, server_side_binding=binding)


def cost(read: Callable[[], object]) -> Costs:
    """Milliseconds of processor time that one read takes here and in the server's process."""
    from django.db import connection

    for _ in range(50):
        read()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    server, here = processor_time(pid), time.process_time()
    for _ in range(READS):
        read()
    return {
        "python": (time.process_time() - here) * 1e3 / READS,
        "postgres": (processor_time(pid) - server) / 1e6 / READS,
    }


def processor_time(pid: int) -> int:
    """Nanoseconds that a process has run."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


if __name__ == "__main__":
    main()
