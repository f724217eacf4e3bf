"""Keeping the tally small."""

from django.db import connection, transaction

FOLD = """
WITH taken AS (
  DELETE FROM feedback_votetally
   WHERE id IN (SELECT id FROM feedback_votetally ORDER BY id FOR UPDATE SKIP LOCKED)
  RETURNING version_low_id, version_high_id, outcome, rater_kind, topic_id, n
)
INSERT INTO feedback_votetally (version_low_id, version_high_id, outcome, rater_kind, topic_id, n)
SELECT version_low_id, version_high_id, outcome, rater_kind, topic_id, sum(n)
  FROM taken GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0
"""


def tally_fold() -> int:
    """Fold the increments of the tally into one row a (pair, outcome, kind, topic).

    One transaction: a reader sees either the increments or their sum. Gives the rows now there.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FOLD)
        folded: int = cursor.rowcount
        return folded
