"""Reads about the queue: what someone holds, what it shows, how far they have come."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from feedback.annotation.leasing import handle_of
from feedback.annotation.models import Assignment, AssignmentState
from feedback.campaigns.models import Campaign, CampaignState, Task
from feedback.errors import ConflictError, NotFoundError
from feedback.people.models import Contributor
from feedback.pool.models import Preference, PreferenceState
from feedback.pool.shown import CHOICE_WORDS, shown_choice

SLUG = re.compile(r"[-\w]{1,100}")
LEFT_COUNTED = 1000  # what is left is counted up to here
HELD = ExpressionWrapper(
    Q(state=AssignmentState.LIVE, expires_at__gt=Now()), output_field=BooleanField()
)
LEASE_LOST = "Your hold ran out, so this judgment was not counted. Take it again."


@dataclass(frozen=True, slots=True)
class Shown:
    """What a contributor sees of an assignment: two answers in their order, and no names."""

    assignment: Assignment
    campaign: Campaign
    messages: list[dict[str, Any]]
    responses: tuple[str, str]
    language: str


def campaign_find(slug: str) -> Campaign:
    """The campaign of that name, open or not."""
    campaign = Campaign.objects.filter(slug=slug).first() if SLUG.fullmatch(slug) else None
    if campaign is None:
        raise NotFoundError("unknown_campaign", "There is no such campaign.")
    return campaign


def campaigns_open(campaign: Campaign | None = None) -> Sequence[Campaign]:
    """The campaigns that hand out tasks now, the oldest first; or this one, if it does."""
    if campaign is not None:
        return [campaign] if campaign.state == CampaignState.OPEN else []
    return list(Campaign.objects.filter(state=CampaignState.OPEN).order_by("created_at"))


def assignments_of(contributor: Contributor) -> QuerySet[Assignment]:
    """A contributor's assignments with all that a page or a judgment needs of them."""
    return Assignment.objects.filter(contributor=contributor).select_related(
        "task__campaign",
        "task__comparison__turn",
        "task__comparison__response_a",
        "task__comparison__response_b",
    )


def assignments_live(
    contributor: Contributor, campaigns: Sequence[Campaign]
) -> Sequence[Assignment]:
    """What the contributor holds now in these campaigns, the oldest first."""
    held = assignments_of(contributor).filter(
        state=AssignmentState.LIVE, expires_at__gt=Now(), task__campaign__in=campaigns
    )
    return list(held.order_by("created_at", "id"))


def assignment_named(*, contributor: Contributor, token: str) -> Assignment:
    """The contributor's assignment behind a token, whichever of its leases the token names."""
    handle = handle_of(token)
    found = None
    if handle.isascii() and handle.isalnum():
        named = Q(token=handle) | Q(token__startswith=f"{handle}-")
        found = assignments_of(contributor).filter(named).first()
    if found is None:
        raise NotFoundError("unknown_assignment", "There is no such assignment of yours.")
    return found


def assignment_find(*, contributor: Contributor, token: str) -> Assignment:
    """The contributor's assignment behind a token; an old token of it means a lost lease."""
    found = assignment_named(contributor=contributor, token=token)
    if found.token != token:
        raise ConflictError("lease_lost", LEASE_LOST)
    return found


def assignment_shown(assignment: Assignment) -> Shown:
    """The prompt and the two answers, in the order drawn for this assignment."""
    comparison = assignment.task.comparison
    answers = {"a": comparison.response_a, "b": comparison.response_b}
    first, second = (answers[side] for side in assignment.order_shown)
    return Shown(
        assignment=assignment,
        campaign=assignment.task.campaign,
        messages=comparison.turn.messages,
        responses=(first.text if first else "", second.text if second else ""),
        language=comparison.turn.language,
    )


def judgment_of(assignment: Assignment) -> Preference | None:
    """The judgment that counts for this assignment."""
    return assignment.preferences.filter(state=PreferenceState.ACTIVE).first()


def said_of(assignment: Assignment) -> str:
    """What was judged, in the words of the buttons; empty where nothing counts."""
    preference = judgment_of(assignment)
    if preference is None:
        return ""
    return CHOICE_WORDS[shown_choice(preference.choice, assignment.order_shown)]


def judged_today(contributor: Contributor) -> int:
    """How many tasks the contributor has answered since midnight."""
    midnight: datetime = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return Assignment.objects.filter(
        contributor=contributor, state=AssignmentState.SUBMITTED, finished_at__gte=midnight
    ).count()


def tasks_left(campaign: Campaign) -> int:
    """How many tasks of the campaign still want somebody; counted up to a limit."""
    wanting = Task.objects.filter(campaign=campaign, taken__lt=F("wanted"))
    return wanting[:LEFT_COUNTED].count()
