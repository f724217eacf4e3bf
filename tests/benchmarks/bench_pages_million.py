"""Server time of the leaderboard and the quality pages on a large pool; run by hand.

    python tests/benchmarks/bench_pages_million.py [judgments]

Starts a throw-away PostgreSQL, fills it (a million by default: some minutes), refreshes what beat
refreshes and times that, then asks each page 30 times through Django's test client as an operator.
Prints one JSON object: seconds of each refresh; milliseconds of each page, median and 95th
percentile, and the number of queries.
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
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
ROUNDS = 30


def main() -> None:
    judgments = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    folder = Path(tempfile.mkdtemp(prefix="feedback-bench-"))
    folder.chmod(0o711)
    os.environ |= {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "config.settings"}
    os.environ["CELERY_BROKER_URL"] = "memory://"
    from config.supervisor.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    os.environ["DATABASE_URL"] = server.url
    try:
        sys.stdout.write(json.dumps(measure(judgments)) + "\n")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(judgments: int) -> dict[str, object]:
    import django

    django.setup()
    from django.core.management import call_command

    from tests.benchmarks.pools import fill_comparisons, fill_judgments

    call_command("migrate", verbosity=0)
    raters = max(10, judgments // 1000)
    filling = {
        "comparisons": timed(lambda: fill_comparisons(judgments // 3 + 1, models=30)),
        "judgments": timed(lambda: fill_judgments(judgments, raters=raters)),
    }
    return {
        "judgments": judgments,
        "raters": raters,
        "filling_s": filling,
        "refresh_s": refreshes(),
        "pages": pages(),
    }


def refreshes() -> dict[str, float]:
    from feedback.quality.services import quality_refresh
    from feedback.ranking.influence import influence_refresh
    from feedback.ranking.services import vote_counts_compact

    work: tuple[Callable[[], object], ...] = (
        vote_counts_compact,
        influence_refresh,
        quality_refresh,
    )
    return {each.__name__: timed(each) for each in work}


def pages() -> dict[str, dict[str, float]]:
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import setup_test_environment

    from feedback.people.models import Rater, Role
    from feedback.people.services import named_contributor_create

    setup_test_environment()
    settings.ALLOWED_HOSTS = ["testserver"]
    browser = Client()
    browser.force_login(named_contributor_create(name="bench", role=Role.CURATOR))
    rater = Rater.objects.filter(contributor=None).order_by("id").first()
    assert rater is not None
    addresses = ("/leaderboard/", "/api/v1/leaderboard/", "/leaderboard/influence/", "/quality/")
    found = {}
    for address in (*addresses, f"/quality/raters/{rater.public_id}/"):
        queries: list[str] = []
        with connection.execute_wrapper(counting(queries)):
            assert browser.get(address).status_code == 200, address
        times = [1000 * timed(lambda at=address: browser.get(at)) for _ in range(ROUNDS)]
        found[address.replace(rater.public_id, "…")] = {
            "median_ms": round(statistics.median(times), 1),
            "p95_ms": round(statistics.quantiles(times, n=20)[-1], 1),
            "queries": len(queries),
        }
    return found


def counting(queries: list[str]) -> Callable[..., Any]:
    """A wrapper of the cursor that writes each statement down."""

    def wrapper(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        queries.append(sql)
        return execute(sql, *rest)

    return wrapper


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return round(time.perf_counter() - started, 4)


if __name__ == "__main__":
    main()
