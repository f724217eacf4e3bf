"""Weigh what a rater's judgments count (decision 0008)."""

from django.db.models import Q

from feedback.people.models import TIER_WEIGHT, Rater, TrustTier

NOTICEABLE = 0.02  # a weight that moves by less stays: each change touches all their judgments


def rater_weigh(*, rater: Rater, reliability: float) -> bool:
    """Set the weight to that of the tier times the reliability; return whether it moved.

    A trigger adds the difference to the vote counts, for all the rater's judgments.
    """
    contributor = rater.contributor
    tier = TIER_WEIGHT[TrustTier(contributor.trust_tier)] if contributor else 1.0
    weight = tier * reliability
    moved = ~Q(weight__gt=weight - NOTICEABLE, weight__lt=weight + NOTICEABLE)
    if reliability in (0.0, 1.0):  # the ends are exact
        moved |= ~Q(weight=weight)
    changed = Rater.objects.filter(moved, pk=rater.pk).update(
        reliability=reliability, weight=weight
    )
    return bool(changed)
