"""How often people and AI judges say the same about a comparison, where neither said tie."""

import math
from dataclasses import dataclass

from django.db import connection

from feedback.campaigns.models import Campaign

# One row a comparison: of its pairs of a person's and a judge's judgment, how many agree. Several
# judgments of one comparison say less than as many of different ones, so that the interval is
# clustered by comparison: the variance of the ratio of sums, sum of (agree - share * pairs)².
PAIRS = """
WITH pairs AS (
  SELECT h.comparison_id, {group} AS name, count(*)::float8 AS pairs,
         (count(*) FILTER (WHERE h.choice = j.choice))::float8 AS agree
    FROM feedback_task t
    JOIN feedback_preference h ON h.comparison_id = t.comparison_id
    JOIN feedback_rater person ON person.id = h.rater_id AND person.kind = 'human'
    JOIN feedback_preference j ON j.comparison_id = t.comparison_id
    JOIN feedback_rater judge ON judge.id = j.rater_id AND judge.kind = 'ai'
    {join}
   WHERE t.campaign_id = %(campaign)s AND h.state = 'active' AND j.state = 'active'
     AND h.choice IN ('a', 'b') AND j.choice IN ('a', 'b')
   GROUP BY 1, 2
), shares AS (
  SELECT name, count(*) AS comparisons, sum(pairs) AS pairs, sum(agree) / sum(pairs) AS share
    FROM pairs GROUP BY name
)
SELECT name, s.comparisons, s.pairs, s.share,
       sum((p.agree - s.share * p.pairs) ^ 2) / s.pairs ^ 2 AS variance
  FROM pairs p JOIN shares s USING (name)
 GROUP BY name, s.comparisons, s.pairs, s.share ORDER BY s.comparisons DESC, name
"""
BY_JUDGE = {"group": "judge.label", "join": ""}
BY_TOPIC = {
    "group": "topic.name",
    "join": """JOIN feedback_comparison c ON c.id = t.comparison_id
    JOIN feedback_turn_topics link ON link.turn_id = c.turn_id
    JOIN feedback_topic topic ON topic.id = link.topic_id""",
}
FEW = 5  # comparisons below which an interval would say more than is known


@dataclass(frozen=True, slots=True)
class Agreement:
    """A share in [0, 1] with its 95 % interval, over comparisons that both have judged."""

    name: str
    comparisons: int
    share: float
    low: float
    high: float

    @property
    def percent(self) -> int:
        """The share as a page shows it."""
        return round(100 * self.share)

    @property
    def percent_low(self) -> int:
        """The lower end, rounded down."""
        return math.floor(100 * self.low)

    @property
    def percent_high(self) -> int:
        """The upper end, rounded up."""
        return math.ceil(100 * self.high)


def agreement_by_judge(campaign: Campaign) -> list[Agreement]:
    """Each AI judge against people, in the comparisons of a campaign."""
    return _agreements(PAIRS.format(**BY_JUDGE), campaign)


def agreement_by_topic(campaign: Campaign) -> list[Agreement]:
    """All AI judges together against people, by the prompt's topic."""
    return _agreements(PAIRS.format(**BY_TOPIC), campaign)


def _agreements(statement: str, campaign: Campaign) -> list[Agreement]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"campaign": campaign.id})
        rows = cursor.fetchall()
    found = []
    for name, comparisons, _pairs, share, variance in rows:
        if comparisons >= FEW:
            low, high = _interval(share, variance, comparisons)
            found.append(Agreement(name, comparisons, share, low, high))
    return found


def _interval(share: float, variance: float, comparisons: int) -> tuple[float, float]:
    """95 %, by Wilson's formula (1927) on as many comparisons as have this variance.

    Where all agree the variance is nil: the comparisons themselves are the sample then. It is
    never taken for larger than they are.
    """
    binomial = share * (1 - share)
    n = min(binomial / variance, comparisons) if variance > 0 else comparisons
    z = 1.959964
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(binomial / n + z**2 / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)
