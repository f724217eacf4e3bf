"""Taking a task, in one statement: what is free is locked, held and counted at once."""

import secrets
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from feedback.identifiers import ALPHABET, new_id, new_public_id
from feedback.people.models import Contributor, Rater
from feedback.pool.models import Order

# The next task that still wants judgments and that this contributor never held, unless the hold
# ran out. A lock on the task keeps others off it until its count has followed (by trigger); they
# skip it meanwhile. A hold that ran out is taken up again with a new token.
LEASE = """
INSERT INTO feedback_assignment AS mine
  (id, created_at, token, task_id, contributor_id, order_shown, state, expires_at, skip_reason)
SELECT %(id)s, now(), %(handle)s || '-' || %(lease)s, free.id, %(contributor)s, %(order)s,
       'live', statement_timestamp() + %(duration)s, ''
  FROM (
    SELECT task.id
      FROM feedback_task task
      JOIN feedback_comparison comparison ON comparison.id = task.comparison_id
     WHERE task.campaign_id = %(campaign)s
       AND task.taken < task.wanted
       AND (%(task)s::uuid IS NULL OR task.id = %(task)s::uuid)
       AND comparison.response_a_id IS NOT NULL
       AND NOT EXISTS (
         SELECT FROM feedback_assignment held
           JOIN feedback_task other ON other.id = held.task_id
          WHERE other.comparison_id = task.comparison_id
            AND held.contributor_id = %(contributor)s
            AND held.state <> 'expired')
       AND NOT EXISTS (
         SELECT FROM feedback_preference judged
          WHERE judged.comparison_id = task.comparison_id
            AND judged.rater_id = %(rater)s
            AND judged.state = 'active')
     ORDER BY task.priority DESC, task.shuffle_key
     LIMIT 1
       FOR NO KEY UPDATE OF task {wait}
  ) AS free
ON CONFLICT (task_id, contributor_id) DO UPDATE
  SET token = split_part(mine.token, '-', 1) || '-' || %(lease)s,
      state = 'live', expires_at = EXCLUDED.expires_at, finished_at = NULL
  WHERE mine.state = 'expired'
RETURNING mine.id
"""


def lease_duration() -> timedelta:
    """How long a hold lasts without being renewed."""
    return timedelta(seconds=settings.LEASE_SECONDS)


def handle_of(token: str) -> str:
    """The part of a token that names the assignment; the rest names one lease of it."""
    return token.partition("-")[0]


def lease(
    *,
    contributor: Contributor,
    rater: Rater,
    campaign_id: uuid.UUID,
    task_id: uuid.UUID | None = None,
) -> uuid.UUID | None:
    """Hold the campaign's next task, or the named one; None where nothing is free.

    Where all that is free is locked, it asks once more and waits for the lock, so that nobody is
    told "nothing to do" because of a neighbour's split second.
    """
    values: dict[str, Any] = {
        "id": new_id(),
        "handle": new_public_id(),
        "lease": "".join(secrets.choice(ALPHABET) for _ in range(8)),
        "contributor": contributor.id,
        "rater": rater.id,
        "order": secrets.choice(Order.values),
        "duration": lease_duration(),
        "campaign": campaign_id,
        "task": task_id,
    }
    with connection.cursor() as cursor:
        for wait in ("SKIP LOCKED", ""):
            cursor.execute(LEASE.format(wait=wait), values)
            if row := cursor.fetchone():
                taken: uuid.UUID = row[0]
                return taken
    return None
