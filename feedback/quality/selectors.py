"""Reads about the consensus."""

from django.db import connection

# A consensus is current when it counts the judgments that its comparison has now, and none of
# them came after it was written.
CHANGED = """
SELECT EXISTS (
  SELECT FROM (
    SELECT p.comparison_id, max(p.created_at) AS newest,
           count(*) FILTER (WHERE r.kind = 'human') AS n_human,
           count(*) FILTER (WHERE r.kind = 'ai') AS n_ai
      FROM feedback_preference p JOIN feedback_rater r ON r.id = p.rater_id
     WHERE p.state = 'active' GROUP BY p.comparison_id
  ) now FULL JOIN feedback_consensus c USING (comparison_id)
  WHERE (now.n_human, now.n_ai) IS DISTINCT FROM (c.n_human::bigint, c.n_ai::bigint)
     OR now.newest >= c.updated_at)
"""


def consensus_is_stale() -> bool:
    """Return whether judgments came or went since the consensus was written."""
    with connection.cursor() as cursor:
        cursor.execute(CHANGED)
        stale: bool = cursor.fetchone()[0]
    return stale
