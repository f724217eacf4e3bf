"""Reads about campaigns."""

from dataclasses import dataclass

from django.db.models import Count, F, Q, QuerySet, Sum

from feedback.campaigns.models import Campaign, CampaignState, Task
from feedback.errors import NotFoundError
from feedback.pool.models import ComparisonOrigin


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


def campaigns_with_progress() -> list[tuple[Campaign, CampaignProgress]]:
    """Every campaign, the newest first, and how far it has come."""
    campaigns = Campaign.objects.order_by("-created_at")
    return [(campaign, campaign_progress(campaign)) for campaign in campaigns]


def comparison_sources() -> list[str]:
    """Where the pool's comparisons come from, by name."""
    sources = ComparisonOrigin.objects.order_by("source").values_list("source", flat=True)
    return list(sources.distinct())


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
