"""Reads about who labels what."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, QuerySet
from django.utils import timezone

from feedback.campaigns.models import Campaign, Task
from feedback.campaigns.selectors import campaign_progress
from feedback.hybrid.models import Destination, LabelRoute
from feedback.pool.models import Preference

PACE_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStatus:
    """How much of a campaign's human budget is spent, and when it will be at today's pace."""

    campaign: Campaign
    judged: int
    budget: int
    until: datetime | None
    has_ai_labels: bool
    decided: int


def budgeted_campaigns() -> QuerySet[Campaign]:
    """Return the campaigns whose human judgments are rationed, the newest first."""
    return Campaign.objects.with_budget().order_by("-created_at")


def budget_status(campaign: Campaign) -> BudgetStatus:
    """Return where a campaign's budget stands."""
    progress = campaign_progress(campaign)
    routes = LabelRoute.objects.filter(campaign=campaign)
    return BudgetStatus(
        campaign=campaign,
        judged=progress.judged,
        budget=campaign.human_budget or 0,
        until=_until(campaign, progress.left),
        has_ai_labels=Preference.objects.active()
        .filter(comparison__tasks__campaign=campaign, rater__kind="ai")
        .exists(),
        decided=routes.values("comparison").distinct().count(),
    )


def next_for_people(campaign: Campaign, *, limit: int = 20) -> list[LabelRoute]:
    """Return the decisions behind the tasks that people will meet next, in that order."""
    tasks = (
        Task.objects.waiting()
        .filter(campaign=campaign)
        .order_by(F("priority") * -1, "shuffle_key")
        .values_list("comparison_id", flat=True)[:limit]
    )
    order = {comparison: rank for rank, comparison in enumerate(tasks)}
    routes = LabelRoute.objects.filter(
        campaign=campaign, comparison__in=list(order), destination=Destination.HUMAN
    ).select_related("comparison__turn")
    newest: dict[UUID, LabelRoute] = {}
    for route in routes.order_by("created_at"):
        newest[route.comparison_id] = route
    return sorted(newest.values(), key=lambda route: order[route.comparison_id])


def _until(campaign: Campaign, left: int) -> datetime | None:
    """Return when the last judgment would come at the pace of the last days; None without one."""
    now = timezone.now()
    recent = Preference.objects.filter(
        campaign=campaign, created_at__gte=now - timedelta(days=PACE_DAYS)
    ).count()
    if not recent or not left:
        return None
    started = max(campaign.created_at, now - timedelta(days=PACE_DAYS))
    days = max((now - started) / timedelta(days=1), 1 / 24)
    return now + timedelta(days=min(left / (recent / days), 3650))
