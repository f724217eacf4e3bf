"""Reads about campaigns."""

from dataclasses import dataclass

from django.db.models import Count, F, Q, Sum
from django.utils.translation import gettext as _

from feedback.campaigns.models import Campaign, CampaignState, Task
from feedback.errors import NotFoundError
from feedback.pool.models import ComparisonOrigin, Turn


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
        raise NotFoundError("no_campaign", _("There is no campaign “%s”.") % slug)
    return campaign


def campaigns_with_progress() -> list[tuple[Campaign, CampaignProgress]]:
    """Every campaign, the newest first, and how far it has come."""
    campaigns = Campaign.objects.order_by("-created_at")
    return [(campaign, campaign_progress(campaign)) for campaign in campaigns]


def comparison_sources() -> list[str]:
    """Where the pool's comparisons come from, by name."""
    sources = ComparisonOrigin.objects.order_by("source").values_list("source", flat=True)
    return list(sources.distinct())


def comparison_languages() -> list[str]:
    """The languages of the pool's prompts, as far as they are known."""
    known = Turn.objects.exclude(language="").order_by("language")
    return list(known.values_list("language", flat=True).distinct())


def campaigns_open(campaign: Campaign | None = None) -> list[Campaign]:
    """The campaigns that hand out tasks now, the oldest first; or this one, if it does."""
    if campaign is not None:
        return [campaign] if campaign.state == CampaignState.OPEN else []
    return list(Campaign.objects.filter(state=CampaignState.OPEN).order_by("created_at"))


def campaign_progress(campaign: Campaign) -> CampaignProgress:
    """How far a campaign has come."""
    found = Task.objects.filter(campaign=campaign, is_gold=False).aggregate(
        tasks=Count("id", filter=Q(wanted__gt=0)),
        judged=Sum("submitted", default=0),
        left=Sum(F("wanted") - F("submitted"), default=0),
    )
    return CampaignProgress(**found)
