"""Krippendorff's alpha of each campaign, aspect and cohort, kept in the database.

PostgreSQL counts how many comparisons were judged alike; the numbers that come back do not grow
with the judgments. The choice is nominal: a, b, tie and both bad are four different things. An
aspect asks which answer has more of it, so its values lie on a line: b, level, a (ordinal).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from feedback.campaigns.models import Campaign
from feedback.people.models import Contributor, TrustTier
from feedback.quality.human_ai import human_ai_write
from feedback.quality.models import CampaignAgreement
from trainers.statistics.agreement import Alpha, Level, krippendorff_alpha

PATTERNS = """
SELECT n, count(*) FROM (
  SELECT ARRAY[{counts}] AS n
    FROM feedback_preference p
    JOIN feedback_rater r ON r.id = p.rater_id
    LEFT JOIN feedback_contributor who ON who.id = r.contributor_id
   WHERE p.state = 'active' AND {campaign} AND {cohort}
   GROUP BY p.comparison_id HAVING count(*) > 1
) items GROUP BY 1
"""
CHOICES = ("= 'a'", "= 'b'", "= 'tie'", "= 'both_bad'")
LEVELS = ("= 'b'", "IN ('tie', 'both_bad')", "= 'a'")
MAX_FIELDS = 12  # of expertise, the most frequent


@dataclass(frozen=True, slots=True)
class Cohort:
    """Who judged: its name, the condition in SQL and what stands for %s in it."""

    name: str
    condition: str
    parameters: tuple[Any, ...] = ()


def agreements_refresh() -> int:
    """Compute all of them anew; how many there are."""
    now = timezone.now()
    with transaction.atomic():
        kept = [
            _write(campaign, aspect, cohort, now)
            for campaign in (None, *Campaign.objects.all())
            for aspect in ("", *(campaign.aspects if campaign else ()))
            for cohort in cohorts()
        ]
        kept += [human_ai_write(each, now) for each in (None, *Campaign.objects.all())]
        CampaignAgreement.objects.filter(updated_at__lt=now).delete()
    return sum(kept)


def cohorts() -> Iterator[Cohort]:
    """Everybody; people and AI judges; trust tiers; fields of expertise."""
    yield Cohort("all", "TRUE")
    for kind in ("human", "ai"):
        yield Cohort(kind, "r.kind = %s", (kind,))
    for tier in TrustTier:
        yield Cohort(f"tier:{int(tier)}", "who.trust_tier = %s", (int(tier),))
    counts: dict[str, int] = {}
    for fields in Contributor.objects.exclude(expertise=[]).values_list("expertise", flat=True):
        for field in fields:
            counts[field] = counts.get(field, 0) + 1
    for field in sorted(counts, key=lambda one: (-counts[one], one))[:MAX_FIELDS]:
        yield Cohort(f"expertise:{field}", "%s = ANY (who.expertise)", (field,))


def alpha_of(campaign: Campaign | None, aspect: str, cohort: Cohort) -> tuple[Level, Alpha]:
    """Alpha of the active judgments of a campaign, or of all, by one cohort."""
    said = "(p.aspects ->> %s)" if aspect else "p.choice"
    values = LEVELS if aspect else CHOICES
    level: Level = "ordinal" if aspect else "nominal"
    counts = ", ".join(f"count(*) FILTER (WHERE {said} {value})" for value in values)
    statement = PATTERNS.format(
        counts=counts,
        campaign="p.campaign_id = %s" if campaign else "TRUE",
        cohort=cohort.condition,
    )
    parameters: list[Any] = [aspect] * len(values) if aspect else []
    parameters += [campaign.id] if campaign else []
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, *cohort.parameters])
        rows = cursor.fetchall()
    patterns = np.array([row[0] for row in rows], dtype=np.int64).reshape(-1, len(values))
    return level, krippendorff_alpha(patterns, [row[1] for row in rows], level)


def _write(campaign: Campaign | None, aspect: str, cohort: Cohort, now: Any) -> bool:
    """Store one of them, if anybody of the cohort has judged what another one did."""
    level, found = alpha_of(campaign, aspect, cohort)
    if found.units == 0:
        return False
    CampaignAgreement.objects.update_or_create(
        campaign=campaign,
        aspect=aspect,
        cohort=cohort.name,
        level=level,
        defaults={
            "alpha": _number(found.alpha),
            "low": _number(found.low),
            "high": _number(found.high),
            "units": found.units,
            "ratings": found.ratings,
            "updated_at": now,
        },
    )
    return True


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
