"""Reads about campaigns."""

from dataclasses import dataclass

from django.db.models import Count, F, Q, QuerySet, Sum

from feedback.campaigns.models import Campaign, CampaignState, Task
from feedback.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """Judgments by people: how many a campaign has, and how many it still wants."""

    tasks: int
    judged: int
    left: int


def campaign_by_slug(slug: str) -> Campaign:
    """The campaign of this slug."""
    campaign = Campaign.objects.filter(slug=slug).first()
    if campaign is None:
        raise NotFoundError("no_campaign", f"There is no campaign {slug!r}.")
    return campaign


def campaigns_open() -> QuerySet[Campaign]:
    """Campaigns that hand out tasks, the oldest first."""
    return Campaign.objects.filter(state=CampaignState.OPEN).order_by("created_at")


def campaign_progress(campaign: Campaign) -> CampaignProgress:
    """How far a campaign has come."""
    found = Task.objects.filter(campaign=campaign).aggregate(
        tasks=Count("id", filter=Q(wanted__gt=0)),
        judged=Sum("submitted", default=0),
        left=Sum(F("wanted") - F("submitted"), default=0),
    )
    return CampaignProgress(**found)
