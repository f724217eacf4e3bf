"""How raters answered gold items, for the Quality page."""

from dataclasses import dataclass

from django.db import connection

from feedback.campaigns.models import Campaign
from feedback.people.models import Rater
from trainers.statistics.intervals import wilson

# The answers of each rater to gold items, in the campaign that knows the item.
ANSWERED = """
SELECT p.rater_id, count(*), count(*) FILTER (WHERE p.choice = g.choice)
  FROM feedback_golditem g
  JOIN feedback_preference p
    ON p.comparison_id = g.comparison_id AND p.campaign_id = g.campaign_id
 WHERE p.state IN ('active', 'quarantined')
   AND (%(campaign)s::uuid IS NULL OR g.campaign_id = %(campaign)s::uuid)
 GROUP BY p.rater_id
"""
LISTED_RATERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldResult:
    """How many gold items a rater met and answered right, with the share's 95 % interval."""

    n: int
    right: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share of right ones."""
        return self.right / self.n


def gold_results(campaign: Campaign | None) -> list[tuple[Rater, GoldResult]]:
    """Return how raters answered in one campaign or all, those who missed most first."""
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED, {"campaign": campaign.id if campaign else None})
        results = {rater: _result(n, right) for rater, n, right in cursor.fetchall()}
    worst = sorted(results, key=lambda rater: (results[rater].high, -results[rater].n))
    raters = Rater.objects.select_related("contributor").in_bulk(worst[:LISTED_RATERS])
    return [(raters[key], results[key]) for key in worst[:LISTED_RATERS]]


def _result(n: int, right: int) -> GoldResult:
    low, high = wilson(right / n, n)
    return GoldResult(n=n, right=right, low=float(low), high=float(high))
