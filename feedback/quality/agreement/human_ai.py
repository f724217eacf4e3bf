"""How often a person and an AI judge choose the same side, where both choose one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection

from feedback.campaigns.models import Campaign
from feedback.quality.judgments import Judgments
from trainers.arrays import Bools, Floats
from trainers.statistics.intervals import clustered_wilson

SIDES = 2  # the first two choices, a and b, are sides

# One row a judge or topic and kind of comparison: of its pairs of a person's and a judge's
# judgment, how many agree.
PAIRS = """
SELECT name, agree::float8, pairs::float8, count(*)::float8 FROM (
  SELECT {group} AS name, count(*) AS pairs, count(*) FILTER (WHERE h.choice = j.choice) AS agree
    FROM feedback_task t
    JOIN feedback_preference h ON h.comparison_id = t.comparison_id
    JOIN feedback_rater person ON person.id = h.rater_id AND person.kind = 'human'
    JOIN feedback_preference j ON j.comparison_id = t.comparison_id
    JOIN feedback_rater judge ON judge.id = j.rater_id AND judge.kind = 'ai'
    {join}
   WHERE t.campaign_id = %(campaign)s AND h.state = 'active' AND j.state = 'active'
     AND h.choice IN ('a', 'b') AND j.choice IN ('a', 'b')
   GROUP BY t.comparison_id, 1
) comparisons GROUP BY 1, 2, 3 ORDER BY 1
"""
BY_JUDGE = PAIRS.format(group="judge.label", join="")
BY_TOPIC = PAIRS.format(
    group="topic.name",
    join="""JOIN feedback_comparison c ON c.id = t.comparison_id
    JOIN feedback_turn_topics link ON link.turn_id = c.turn_id
    JOIN feedback_topic topic ON topic.id = link.topic_id""",
)
FEW = 5  # comparisons below which an interval would say more than is known


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanAIAgreement:
    """A share in [0, 1] with its 95 % interval, over comparisons that both have judged.

    pairs: of a person's and a judge's judgment of one comparison.
    """

    name: str = ""
    comparisons: int
    pairs: int
    share: float
    low: float
    high: float

    @property
    def percent(self) -> int:
        """Return the share as a page shows it."""
        return round(100 * self.share)

    @property
    def percent_low(self) -> int:
        """Return the lower end, rounded down."""
        return math.floor(100 * self.low)

    @property
    def percent_high(self) -> int:
        """Return the upper end, rounded up."""
        return math.ceil(100 * self.high)


def human_ai_agreement(judgments: Judgments, kept: Bools) -> HumanAIAgreement | None:
    """Return the agreement in some of the judgments, (n,); None where nothing is judged by both."""
    sides = kept & (judgments.choice < SIDES)
    _, unit = np.unique(judgments.comparison[sides], return_inverse=True)
    who = judgments.by_human()[sides].astype(np.intp)
    cell = (unit * 2 + who) * SIDES + judgments.choice[sides]
    size = int(unit.max(initial=-1)) + 1
    counts = np.bincount(cell, minlength=4 * size).reshape(size, 2, SIDES).astype(np.float64)
    judges, people = counts[:, 0], counts[:, 1]
    pairs = judges.sum(axis=1) * people.sum(axis=1)
    both = pairs > 0
    agree = (judges * people).sum(axis=1)[both]
    return _agreement(agree, pairs[both], np.ones(len(agree))) if both.any() else None


def agreement_by_judge(campaign: Campaign) -> list[HumanAIAgreement]:
    """Return the agreement of each AI judge with people, in the comparisons of a campaign."""
    return _by_name(BY_JUDGE, campaign)


def agreement_by_topic(campaign: Campaign) -> list[HumanAIAgreement]:
    """Return the agreement of all AI judges together with people, by the prompt's topic."""
    return _by_name(BY_TOPIC, campaign)


def _by_name(statement: str, campaign: Campaign) -> list[HumanAIAgreement]:
    """Return the groups of a statement with enough comparisons, those with the most first."""
    groups: dict[str, list[Sequence[float]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, {"campaign": campaign.id})
        for name, *counts in cursor.fetchall():
            groups.setdefault(name, []).append(counts)
    found = [_agreement(*np.array(rows).T, name=name) for name, rows in groups.items()]
    known = [each for each in found if each.comparisons >= FEW]
    return sorted(known, key=lambda each: -each.comparisons)  # stable: by name where equal


def _agreement(agree: Floats, pairs: Floats, times: Floats, *, name: str = "") -> HumanAIAgreement:
    """Return share and interval, clustered by comparison.

    agree, pairs: (kinds,), of a comparison; times: how many comparisons are like that. Several
    judgments of one comparison say less than as many of different ones: the variance is that of a
    ratio of sums, Σ (agree - share pairs)² / (Σ pairs)².
    """
    total = float(pairs @ times)
    share = float(agree @ times) / total
    variance = float(times @ (agree - share * pairs) ** 2) / total**2
    comparisons = int(times.sum())
    low, high = clustered_wilson(share, variance, comparisons)
    return HumanAIAgreement(
        name=name, comparisons=comparisons, pairs=int(total), share=share, low=low, high=high
    )
