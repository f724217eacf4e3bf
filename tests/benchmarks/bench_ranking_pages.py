"""Server time of the leaderboard over the tallies of a million votes on a hundred models; by hand.

    python tests/benchmarks/bench_ranking_pages.py [--votes N] [--models M]

Starts a throw-away PostgreSQL and writes the two tallies as the triggers and a fold leave them
(`bench_pages_million.py` lets the triggers do it). Prints one JSON object: rows of the tallies,
what counting the style of a text costs, seconds of what beat does, and milliseconds of each page:
median and 95th percentile over 30 requests, and processor time of this process.
"""

import argparse
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

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
ROUNDS = 30
PAGES = (
    "/leaderboard/",
    "/leaderboard/?style_control=true",
    "/leaderboard/?style_control=true&rater_kind=human",
    "/api/v1/leaderboard/?style_control=true",
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--votes", type=int, default=1_000_000)
    parser.add_argument("--models", type=int, default=100)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="feedback-bench-"))
    folder.chmod(0o711)
    os.environ |= {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "config.settings"}
    os.environ["CELERY_BROKER_URL"] = "memory://"
    from config.supervisor.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    os.environ["DATABASE_URL"] = server.url
    try:
        sys.stdout.write(json.dumps(measure(asked.votes, asked.models)) + "\n")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(votes: int, models: int) -> dict[str, Any]:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    rows = fill(votes, models)
    from feedback.ranking.influence import influence_refresh
    from feedback.ranking.services import (
        check_refresh,
        style_counts_compact,
        styled_boards_refresh,
        vote_counts_compact,
    )

    without = pages(PAGES[1:2], rounds=3)  # before beat has come by
    work = (
        vote_counts_compact,
        style_counts_compact,
        styled_boards_refresh,
        check_refresh,
        influence_refresh,
    )
    return {
        "votes": votes,
        "models": models,
        "rows": rows,
        "style_of_a_text_us": style_cost(),
        "refresh_s": {each.__name__: round(timed(each)[0], 3) for each in work},
        "pages": pages(PAGES, ROUNDS),
        "rated_while_somebody_waits": without,
    }


def fill(votes: int, models: int) -> dict[str, int]:
    """Both tallies of a simulated league, all its votes by people, of weight one."""
    from feedback.ranking.models import StyleTally, VoteTally
    from feedback.registry.models import LanguageModel, ModelVersion
    from tests.trainers.leagues import styled_league
    from trainers.ranking.styled_counts import cells, moments

    league = styled_league(np.random.default_rng(0), models=models, votes=votes, c=(0.25, 0, 0, 0))
    made = [LanguageModel(slug=name, name=name) for name in league.names]
    LanguageModel.objects.bulk_create(made)
    versions = [ModelVersion(model=one, version="1", label=one.name) for one in made]
    versions.sort(key=lambda version: version.id)  # a pair's low version is the one of lower key
    ModelVersion.objects.bulk_create(versions)
    turned = league.first > league.second
    low, high = np.sort([league.first, league.second], axis=0)
    outcome = np.where(turned & (league.outcome < 2), 1 - league.outcome, league.outcome)
    f = np.where(turned, -1, 1)[:, None] * league.f
    for model, parts in ((VoteTally, 0 * low), (StyleTally, cells(f))):
        keys = ((low * models + high) * 3 + outcome) * 9 + parts
        _, at, row = np.unique(keys, return_index=True, return_inverse=True)
        n = np.bincount(row)
        sums = np.stack([np.bincount(row, column) for column in moments(f).T], axis=1)
        extra = [
            {"cell": int(parts[i]), "moments": sums[place].tolist()} if model is StyleTally else {}
            for place, i in enumerate(at)
        ]
        model.objects.bulk_create(
            [
                model(
                    version_low=versions[low[i]],
                    version_high=versions[high[i]],
                    outcome=("low", "high", "tie")[outcome[i]],
                    rater_kind="human",
                    n=int(n[place]),
                    weight=float(n[place]),
                    square=float(n[place]),
                    **extra[place],
                )
                for place, i in enumerate(at)
            ],
            batch_size=5000,
        )
    return {model.__name__: model.objects.count() for model in (VoteTally, StyleTally)}


def style_cost() -> float:
    """Microseconds that counting the style of an answer of 2,000 characters takes the database."""
    from django.db import connection

    text = ("## A heading\n\n- an item with **bold** words\n1. one\n" + "plain words " * 12) * 10
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE text AS SELECT left(%s, 2000) AS t", [text])
        statement = "SELECT sum((feedback_style(t || n))[1]) FROM text, generate_series(1, 5000) n"
        return round(1e6 * timed(lambda: cursor.execute(statement))[0] / 5000, 1)


def pages(addresses: tuple[str, ...], rounds: int) -> dict[str, dict[str, float]]:
    from django.conf import settings
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    browser = Client()
    found = {}
    for address in addresses:
        assert browser.get(address).status_code == 200, address
        times = [timed(lambda at=address: browser.get(at)) for _ in range(rounds)]
        wall = [1000 * one for one, _ in times]
        found[address] = {
            "median_ms": round(statistics.median(wall), 1),
            "p95_ms": round(statistics.quantiles(wall, n=20)[-1], 1),
            "cpu_ms": round(1000 * statistics.median(cpu for _, cpu in times), 1),
        }
    return found


def timed(work: Callable[[], object]) -> tuple[float, float]:
    started, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - used


if __name__ == "__main__":
    main()
