"""Reads about campaigns."""

from dataclasses import dataclass
from typing import Final

from django.db.models import Count, F, Q, Sum
from django.utils.translation import gettext as _

from feedback.campaigns.models import Campaign, CampaignState, Task
from feedback.database.lookup import get_or_not_found
from feedback.pool.models import ComparisonOrigin, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignProgress:
    """Judgments by people: how many a campaign has, and how many it still wants."""

    tasks: int = 0
    judged: int = 0
    left: int = 0


COUNTS: Final = {
    "tasks": Count("id", filter=Q(wanted__gt=0)),
    "judged": Sum("submitted", default=0),
    "left": Sum(F("wanted") - F("submitted"), default=0),
}


def campaign_by_slug(slug: str) -> Campaign:
    """Return the campaign of this slug; raise NotFoundError where there is none."""
    message = _("There is no campaign “%s”.") % slug
    return get_or_not_found(Campaign.objects.all(), "no_campaign", message, slug=slug)


def campaigns_with_progress() -> list[tuple[Campaign, CampaignProgress]]:
    """Return every campaign, the newest first, and how far it has come."""
    counted = Task.objects.without_gold().values("campaign").annotate(**COUNTS)
    progress = {
        campaign: CampaignProgress(tasks=tasks, judged=judged, left=left)
        for campaign, tasks, judged, left in counted.values_list("campaign", *COUNTS)
    }
    return [
        (campaign, progress.get(campaign.id, CampaignProgress()))
        for campaign in Campaign.objects.order_by("-created_at")
    ]


def campaign_progress(campaign: Campaign) -> CampaignProgress:
    """Return how far a campaign has come."""
    tasks = Task.objects.without_gold().filter(campaign=campaign)
    return CampaignProgress(**tasks.aggregate(**COUNTS))


def campaigns_open(campaign: Campaign | None = None) -> list[Campaign]:
    """Return the campaigns that hand out tasks now, the oldest first; or this one, if it does."""
    if campaign is not None:
        return [campaign] if campaign.state == CampaignState.OPEN else []
    return list(Campaign.objects.open().order_by("created_at"))


def comparison_sources() -> list[str]:
    """Return where the pool's comparisons come from, by name."""
    sources = ComparisonOrigin.objects.order_by("source").values_list("source", flat=True)
    return list(sources.distinct())


def comparison_languages() -> list[str]:
    """Return the languages of the pool's prompts, as far as they are known."""
    known = Turn.objects.exclude(language="").order_by("language")
    return list(known.values_list("language", flat=True).distinct())
