"""Signals that need more than the choices: known answers, and words that repeat."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from feedback.quality.models import SignalKind
from trainers.statistics.intervals import wilson

# A gold item's answer by each rater, in the campaign that knows it.
GOLD = """
SELECT p.rater_id::text, count(*), count(*) FILTER (WHERE p.choice = g.choice),
       (array_agg(p.id::text ORDER BY p.id DESC) FILTER (WHERE p.choice <> g.choice))[:20]
  FROM feedback_golditem g
  JOIN feedback_preference p
    ON p.comparison_id = g.comparison_id AND p.campaign_id = g.campaign_id
 WHERE p.state IN ('active', 'quarantined') AND (%(campaign)s::uuid IS NULL
       OR g.campaign_id = %(campaign)s::uuid)
 GROUP BY 1
"""
REPEATS = """
SELECT rater_id, sum(n), max(n), (array_agg(ids ORDER BY n DESC))[1:1]
  FROM (
    SELECT rater_id::text, md5(lower(btrim(rationale))) AS words, count(*) AS n,
           to_jsonb((array_agg(id::text ORDER BY id DESC))[:20]) AS ids
      FROM feedback_preference
     WHERE state IN ('active', 'quarantined') AND rationale <> ''
     GROUP BY 1, 2
  ) said GROUP BY 1
"""
GOLD_FEWEST, GOLD_SHARE = 5, 0.6
REPEATS_FEWEST, REPEATS_SHARE = 5, 0.5


@dataclass(frozen=True, slots=True)
class Known:
    """One statistic of a rater, by key; `evidence` are keys of judgments."""

    rater: str
    kind: SignalKind
    statistic: float
    threshold: float
    n: int
    concern: bool
    evidence: list[str]


@dataclass(frozen=True, slots=True)
class GoldResult:
    """How many known answers a rater met and named, with the 95 % interval of the share."""

    rater: str
    n: int
    right: int
    low: float
    high: float
    wrong: list[str]

    @property
    def share(self) -> float:
        """The share of right ones."""
        return self.right / self.n


def gold_results(campaign_id: UUID | None = None) -> list[GoldResult]:
    """Each rater's known answers, in one campaign or all."""
    with connection.cursor() as cursor:
        cursor.execute(GOLD, {"campaign": campaign_id})
        rows = cursor.fetchall()
    found = []
    for rater, n, right, wrong in rows:
        low, high = wilson(right / n, n)
        found.append(GoldResult(rater, n, right, float(low), float(high), wrong or []))
    return found


def known_signals() -> Iterator[Known]:
    """Known answers that were missed, and reasons given in the same words."""
    for result in gold_results():
        concern = result.n >= GOLD_FEWEST and result.high < GOLD_SHARE
        yield Known(
            result.rater,
            SignalKind.GOLD,
            result.share,
            GOLD_SHARE,
            result.n,
            concern,
            result.wrong,
        )
    with connection.cursor() as cursor:
        cursor.execute(REPEATS)
        rows = cursor.fetchall()
    for rater, n, most, ids in rows:
        share = most / n
        concern = most >= REPEATS_FEWEST and share >= REPEATS_SHARE
        yield Known(
            rater,
            SignalKind.REPEATS,
            float(share),
            REPEATS_SHARE,
            int(n),
            concern,
            json.loads(ids[0]),
        )
