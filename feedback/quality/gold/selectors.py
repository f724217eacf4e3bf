"""Reads of gold items: what there is, what could be one, how raters answered."""

from dataclasses import dataclass

from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from feedback.campaigns.models import Campaign, GoldItem
from feedback.database.lookup import get_or_not_found
from feedback.people.models import Rater
from feedback.pool.models import Comparison, Turn
from feedback.pool.querysets import TextQuerySet
from feedback.pool.search import CONFIG, prompt_words
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
LISTED_CANDIDATES = 20  # comparisons to choose from; a search finds the others


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldResult:
    """How many gold items a rater met and answered right, with the share's 95 % interval."""

    n: int
    right: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Return the share of right ones."""
        return self.right / self.n


def gold_results(campaign: Campaign | None) -> list[tuple[Rater, GoldResult]]:
    """Return how raters answered in one campaign or all, those who missed most first."""
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED, {"campaign": campaign.id if campaign else None})
        results = {rater: _result(n, right) for rater, n, right in cursor.fetchall()}
    worst = sorted(results, key=lambda rater: (results[rater].high, -results[rater].n))
    raters = Rater.objects.select_related("contributor").in_bulk(worst[:LISTED_RATERS])
    return [(raters[key], results[key]) for key in worst[:LISTED_RATERS]]


def gold_items(campaign: Campaign) -> QuerySet[GoldItem]:
    """Return the gold items of a campaign, the newest first."""
    items = GoldItem.objects.filter(campaign=campaign).order_by("-created_at")
    return items.select_related("comparison__turn")


def candidate_find(campaign: Campaign, public_id: str) -> Comparison | None:
    """Return the comparison of a campaign that was asked for; None where none was.

    Raise NotFoundError where the campaign has no such comparison.
    """
    if not public_id or "\x00" in public_id:
        return None
    message = _("There is no such comparison.")
    return get_or_not_found(_comparisons(campaign), "no_comparison", message, public_id=public_id)


def gold_candidates(campaign: Campaign, words: str) -> list[Comparison]:
    """Return the newest comparisons that are no gold item, and whose prompt holds the words."""
    # Both conditions in one call: they are of one task, which may be gold in another campaign.
    usual = _comparisons(campaign).filter(tasks__campaign=campaign, tasks__is_gold=False)
    found = usual.in_circulation().distinct()
    if words and "\x00" not in words:
        asked = SearchQuery(words, config=CONFIG, search_type="websearch")
        found = found.filter(turn__in=Turn.objects.alias(words=prompt_words()).filter(words=asked))
    return list(found[:LISTED_CANDIDATES])


def _comparisons(campaign: Campaign) -> TextQuerySet[Comparison]:
    """Return the comparisons of a campaign that have texts, the newest first."""
    of_campaign = Comparison.objects.filter(tasks__campaign=campaign, response_a__isnull=False)
    return of_campaign.select_related("turn", "response_a", "response_b").order_by("-id")


def _result(n: int, right: int) -> GoldResult:
    low, high = wilson(right / n, n)
    return GoldResult(n=n, right=right, low=float(low), high=float(high))
