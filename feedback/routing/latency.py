"""The latency of models: the median of their newest answers."""

from django.core.cache import cache
from django.db import connection

NEWEST = 50  # answers of a model that its median is of
KEPT_SECONDS = 60
CACHE_KEY = "routing.latencies"

MEDIANS = """
SELECT v.id, percentile_cont(0.5) WITHIN GROUP (ORDER BY newest.latency_ms)
  FROM feedback_modelversion v
 CROSS JOIN LATERAL (
   SELECT latency_ms FROM feedback_response
    WHERE version_id = v.id AND latency_ms IS NOT NULL
    ORDER BY id DESC LIMIT %s
 ) newest
 WHERE v.state = 'active'
 GROUP BY v.id
"""


def latencies_ms() -> dict[str, float]:
    """Return milliseconds from the question to the end of the answer, by the version's key as text.

    Only versions in use whose answers were timed are among them. Up to a minute old.
    """
    known: dict[str, float] = cache.get_or_set(CACHE_KEY, _medians, KEPT_SECONDS) or {}
    return known


def _medians() -> dict[str, float]:
    with connection.cursor() as cursor:
        cursor.execute(MEDIANS, [NEWEST])
        return {str(version): median for version, median in cursor.fetchall()}
