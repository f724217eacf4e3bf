"""Agreement of each campaign, aspect and cohort, kept in the database."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from feedback.campaigns.models import Campaign
from feedback.quality.agreement.alpha import ratings_of
from feedback.quality.agreement.cohorts import Cohort, cohorts
from feedback.quality.agreement.human_ai import human_ai_agreement
from feedback.quality.judgments import NONE, Judgments
from feedback.quality.models import CampaignAgreement
from trainers.arrays import Bools
from trainers.statistics.agreement import Alpha

HUMAN_AI, SHARE = "human with ai", "share"  # cohort and level of the share of people with judges
UNIQUE = ("campaign", "aspect", "cohort", "level")
UPDATED = ("alpha", "low", "high", "units", "ratings", "updated_at")


def agreements_refresh(judgments: Judgments) -> int:
    """Compute the agreement in the active ones of these judgments; return how many rows there are.

    Everything is grouped from the arrays: the database is not asked again for each campaign,
    aspect and cohort.
    """
    now = timezone.now()
    rows = list(_rows(judgments))
    for row in rows:
        row.updated_at = now
    with transaction.atomic():
        CampaignAgreement.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=UNIQUE, update_fields=UPDATED
        )
        CampaignAgreement.objects.filter(updated_at__lt=now).delete()
    return len(rows)


def _rows(judgments: Judgments) -> Iterator[CampaignAgreement]:
    """Give the rows of the whole pool, then of each campaign."""
    groups = cohorts(judgments.raters)
    yield from _rows_of(None, judgments, judgments.active, groups)
    numbers = {key: number for number, key in enumerate(judgments.campaign_ids)}
    for campaign in Campaign.objects.all():
        number = numbers.get(str(campaign.id), NONE - 1)  # no judgment has a number below NONE
        kept = judgments.active & (judgments.campaign == number)
        if kept.any():
            yield from _rows_of(campaign, judgments, kept, groups)


def _rows_of(
    campaign: Campaign | None, judgments: Judgments, kept: Bools, groups: Sequence[Cohort]
) -> Iterator[CampaignAgreement]:
    """Give a row where anybody of a cohort has judged what another one did."""
    for aspect in dict.fromkeys(("", *(campaign.aspects if campaign else ()))):
        ratings = ratings_of(judgments, kept, aspect)
        for cohort in groups:
            found = ratings.alpha(cohort.members)
            if found.units:
                yield CampaignAgreement(
                    campaign=campaign,
                    aspect=aspect,
                    cohort=cohort.name,
                    level=ratings.level,
                    **_numbers(found),
                )
    both = human_ai_agreement(judgments, kept)
    if both is not None:
        yield CampaignAgreement(
            campaign=campaign,
            cohort=HUMAN_AI,
            level=SHARE,
            alpha=both.share,
            low=both.low,
            high=both.high,
            units=both.comparisons,
            ratings=both.pairs,
        )


def _numbers(found: Alpha) -> dict[str, Any]:
    """Return the columns of an alpha; those that have no meaning are empty."""
    ends = {"alpha": found.alpha, "low": found.low, "high": found.high}
    known = {name: None if np.isnan(value) else float(value) for name, value in ends.items()}
    return {**known, "units": found.units, "ratings": found.ratings}
