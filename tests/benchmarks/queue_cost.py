"""What taking the next task costs the database, by the size of the campaign; a process of its own.

    DATABASE_URL=… python -m tests.benchmarks.queue_cost --sizes 1000 100000 --done 5000

Prints JSON: for each size, milliseconds of the leasing statement (from the client, without the
commit) for somebody new, for somebody who has done `--done` of the tasks, and for both after a
day's churn that no vacuum has cleaned up; and the plan of the largest.
"""

import argparse
import json
import statistics
import time
from typing import Any
from uuid import UUID

import django

CALLS = 300
CHURN = 0.5  # the share of the line that others finish, from its head


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--done", type=int, default=5000)
    arguments = parser.parse_args()
    django.setup()
    from tests.benchmarks.pools import fill_comparisons

    fill_comparisons(max(arguments.sizes))
    _vacuum("false")
    curve, plan = [], []
    for size in arguments.sizes:
        row, plan = measure(size, min(arguments.done, size // 2))
        curve.append(row)
    print(json.dumps({"curve": curve, "plan": plan}))


def measure(size: int, done: int) -> tuple[dict[str, Any], list[str]]:
    """One campaign of that size, before and after the churn."""
    from feedback.people.services import named_contributor_create
    from tests.benchmarks.pools import fill_work

    campaign = _campaign(size)
    people = {name: named_contributor_create(name=f"{name} of {size}") for name in ("new", "busy")}
    fill_work(people["busy"], campaign, done)
    _clean()
    row: dict[str, Any] = {"tasks": size, "done_by_busy": done}
    for name, person in people.items():
        row[name] = _walk(person, campaign.id)
    for number in range(campaign.overlap):
        helper = named_contributor_create(name=f"helper {number} of {size}")
        fill_work(helper, campaign, int(size * CHURN))
    newcomer = named_contributor_create(name=f"newcomer of {size}")
    for name, person in {"new": newcomer, "busy": people["busy"]}.items():
        row[f"{name}_after_churn"] = _walk(person, campaign.id)
    return row, _plan(people["busy"], campaign.id)


def _walk(person: Any, campaign_id: UUID) -> dict[str, float]:
    """Milliseconds of the first call, of one from the head, and of those that continue."""
    from django.db import connection, transaction

    from feedback.annotation.leasing import lease_next

    taken = []
    with transaction.atomic():
        for _ in range(CALLS):
            begin = time.perf_counter()
            assert lease_next(contributor=person, campaign_id=campaign_id)
            taken.append(1000 * (time.perf_counter() - begin))
        transaction.set_rollback(True)
    connection.close()
    ordered = sorted(taken)
    return {
        "first": round(taken[0], 2),
        "median": round(statistics.median(taken), 2),
        "p95": round(ordered[int(0.95 * CALLS)], 2),
        "most": round(ordered[-1], 2),
    }


def _plan(person: Any, campaign_id: UUID) -> list[str]:
    from django.db import transaction

    from feedback.annotation import leasing
    from feedback.database.prepared import prepared_rows

    lines: list[str] = []
    with transaction.atomic():
        leasing.lease_next(contributor=person, campaign_id=campaign_id)
        values = leasing._values(person, campaign_id)
        options = "ANALYZE, BUFFERS, COSTS OFF"
        rows = prepared_rows(f"EXPLAIN ({options}) {leasing.SCAN}", values)
        lines = [row[0] for row in rows]
        transaction.set_rollback(True)
    return lines


def _campaign(size: int) -> Any:
    """A campaign over the first comparisons, as many as there are to be tasks."""
    from feedback.campaigns.models import Campaign, Task
    from tests.benchmarks.pools import insert_select, key

    campaign = Campaign.objects.create(slug=f"size-{size}", name=f"Size {size}", overlap=3)
    columns = {
        "id": "gen_random_uuid()",
        "campaign_id": f"'{campaign.id}'::uuid",
        "comparison_id": key(6, "n"),
        "wanted": "3",
        "shuffle_key": "(random() * 9007199254740992)::bigint",
    }
    insert_select(Task, columns, f"generate_series(1, {size}) n")
    return campaign


def _vacuum(enabled: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for table in ("task", "assignment", "preference", "place"):
            cursor.execute(f"ALTER TABLE feedback_{table} SET (autovacuum_enabled = {enabled})")


def _clean() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
