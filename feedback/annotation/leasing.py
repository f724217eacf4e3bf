"""Leasing a task, in one statement: what is free is locked, leased and counted at once.

The open tasks of a campaign are a queue, the most urgent first. Everybody scans the same queue, so
that tasks are finished one after another; the tasks that a person has seen are behind their
cursor, and the next scan begins there (decision 0007).
"""

import secrets
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings

from feedback.database.prepared import prepared_rows
from feedback.identifiers import ALPHABET, new_id, new_public_id
from feedback.people.models import Contributor
from feedback.pool.models import Order

SCAN_STEPS = 100  # tasks leased, and
SCAN_MINUTES = 10  # minutes, until a scan begins at the head of the queue again
EMPTY_SECONDS = 60  # a campaign that had nothing for someone is asked last for so long

# The next task that still wants judgments and that this contributor never had, nor an anonymous
# one whom they have adopted, unless the lease ran out. A lock on the task keeps others off it until
# its count has followed (by trigger); they skip it meanwhile.
#
# The conditions are written as values and not as EXISTS, so that the planner cannot turn them into
# joins: whatever the statistics say, the queue is scanned in order, and each task read once.
FREE = """
SELECT * FROM (
  SELECT task.id, task.priority * -1 AS rank, task.shuffle_key, '{look}' AS look
    FROM feedback_task task
   WHERE task.campaign_id = %(campaign)s
     AND task.taken < task.wanted
     AND {where}
     AND COALESCE((
       SELECT false FROM feedback_task other
         JOIN feedback_assignment held ON held.task_id = other.id
        WHERE other.comparison_id = task.comparison_id
          AND held.contributor_id = ANY ((SELECT contributors FROM self)::uuid[])
          AND held.state <> 'expired' LIMIT 1), true)
     AND COALESCE((
       SELECT false FROM feedback_preference judged
        WHERE judged.comparison_id = task.comparison_id
          AND judged.rater_id = ANY ((SELECT raters FROM self)::uuid[])
          AND judged.state = 'active' LIMIT 1), true)
     AND COALESCE((
       SELECT shown.response_a_id IS NOT NULL AND shown.withheld_at IS NULL
         FROM feedback_comparison shown WHERE shown.id = task.comparison_id), false)
   ORDER BY task.priority * -1, task.shuffle_key
   LIMIT 1
     FOR NO KEY UPDATE OF task {wait}) AS {look}
"""

# Lease the task that was found, under a new token; a lease that ran out is resumed. The cursor
# (the row of feedback_place) moves to the task: a scan from the head begins a new one, and what has
# become more urgent than all that was queued when the scan began is leased out of turn.
LEASE = """
WITH self AS MATERIALIZED (
  SELECT array_agg(c.id) AS contributors, array_agg(r.id) AS raters
    FROM feedback_contributor c JOIN feedback_rater r ON r.contributor_id = c.id
   WHERE c.id = %(contributor)s OR c.adopted_by_id = %(contributor)s
), place AS MATERIALIZED (
  SELECT rank, shuffle_key, first_rank, began_at, steps FROM feedback_place
   WHERE contributor_id = %(contributor)s AND campaign_id = %(campaign)s
     AND steps < %(steps)s AND began_at > statement_timestamp() - %(minutes)s::interval
), free AS MATERIALIZED ({free} LIMIT 1),
moved AS (
  INSERT INTO feedback_place
    (contributor_id, campaign_id, rank, shuffle_key, first_rank, began_at, steps)
  SELECT %(contributor)s, %(campaign)s,
         CASE WHEN look = 'urgent' THEN place.rank ELSE free.rank END,
         CASE WHEN look = 'urgent' THEN place.shuffle_key ELSE free.shuffle_key END,
         CASE WHEN look = 'head' THEN (
           SELECT priority * -1 FROM feedback_task
            WHERE campaign_id = %(campaign)s AND taken < wanted
            ORDER BY priority * -1, shuffle_key LIMIT 1) ELSE place.first_rank END,
         CASE WHEN look = 'head' THEN statement_timestamp() ELSE place.began_at END,
         CASE WHEN look = 'head' THEN 0 ELSE place.steps + 1 END
    FROM free LEFT JOIN place ON true
   WHERE look <> 'named'
  ON CONFLICT (contributor_id, campaign_id) DO UPDATE
    SET rank = EXCLUDED.rank, shuffle_key = EXCLUDED.shuffle_key, steps = EXCLUDED.steps,
        first_rank = EXCLUDED.first_rank, began_at = EXCLUDED.began_at, empty_at = NULL
)
INSERT INTO feedback_assignment AS mine
  (id, created_at, token, task_id, contributor_id, order_shown, state, expires_at, skip_reason)
SELECT %(id)s, now(), %(handle)s::text || '-' || %(lease)s::text, free.id, %(contributor)s,
       %(order)s, 'live', statement_timestamp() + %(duration)s::interval, ''
  FROM free
ON CONFLICT (task_id, contributor_id) DO UPDATE
  SET token = split_part(mine.token, '-', 1) || '-' || %(lease)s::text,
      state = 'live', expires_at = EXCLUDED.expires_at, finished_at = NULL
  WHERE mine.state = 'expired'
RETURNING mine.id
"""
URGENT = FREE.format(
    look="urgent",
    where="NOT task.is_gold AND task.priority * -1 < (SELECT first_rank FROM place)",
    wait="SKIP LOCKED",
)
AHEAD = FREE.format(
    look="ahead",
    where="NOT task.is_gold AND (task.priority * -1, task.shuffle_key) >"
    " ((SELECT rank FROM place), (SELECT shuffle_key FROM place))",
    wait="SKIP LOCKED",
)
HEAD = FREE.format(look="head", where="NOT task.is_gold", wait="SKIP LOCKED")
SCAN = LEASE.format(free=f"{URGENT} UNION ALL {AHEAD} UNION ALL {HEAD}")
WAIT = LEASE.format(free=FREE.format(look="head", where="NOT task.is_gold", wait=""))
NAMED = LEASE.format(free=FREE.format(look="named", where="task.id = %(task)s", wait=""))

EMPTY = """
INSERT INTO feedback_place (contributor_id, campaign_id, began_at, steps, empty_at)
VALUES (%(contributor)s, %(campaign)s, statement_timestamp(), %(steps)s, statement_timestamp())
ON CONFLICT (contributor_id, campaign_id) DO UPDATE
  SET steps = EXCLUDED.steps, empty_at = EXCLUDED.empty_at
"""


def lease_duration() -> timedelta:
    """Return how long a lease lasts without being renewed."""
    return timedelta(seconds=settings.LEASE_SECONDS)


def handle_of(token: str) -> str:
    """Return the part of a token that names the assignment; the rest names one lease of it."""
    return token.partition("-")[0]


def lease_next(*, contributor: Contributor, campaign_id: uuid.UUID) -> uuid.UUID | None:
    """Lease the campaign's next task; None where nothing is free.

    Where all that is free is locked, it asks once more and waits for the lock, so that nobody is
    told "nothing to do" because of a neighbour's split second. Those who wait all scan from the
    head, so that no two wait for each other.
    """
    values = _values(contributor, campaign_id)
    for statement in (SCAN, WAIT):
        if rows := prepared_rows(statement, values):
            taken: uuid.UUID = rows[0][0]
            return taken
    prepared_rows(EMPTY, values)
    return None


def lease_named(
    *, contributor: Contributor, campaign_id: uuid.UUID, task_id: uuid.UUID
) -> uuid.UUID | None:
    """Lease this task, if it is free."""
    values = _values(contributor, campaign_id) | {"task": task_id}
    rows = prepared_rows(NAMED, values)
    return rows[0][0] if rows else None


def _values(contributor: Contributor, campaign_id: uuid.UUID) -> dict[str, Any]:
    return {
        "id": new_id(),
        "handle": new_public_id(),
        "lease": "".join(secrets.choice(ALPHABET) for _ in range(8)),
        "contributor": contributor.id,
        "order": secrets.choice(Order.values),
        "duration": lease_duration(),
        "campaign": campaign_id,
        "steps": SCAN_STEPS,
        "minutes": timedelta(minutes=SCAN_MINUTES),
    }
