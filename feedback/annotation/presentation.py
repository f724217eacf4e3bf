"""What the templates of the Annotate page show, in words."""

from typing import Any

from django.http import HttpRequest

from feedback.annotation.leasing import lease_duration
from feedback.annotation.models import Assignment, SkipReason
from feedback.annotation.selectors import (
    LEFT_COUNTED,
    assignment_shown,
    judged_today,
    judgment_of,
    tasks_left,
)
from feedback.campaigns.models import Campaign, CampaignState
from feedback.errors import ApplicationError
from feedback.identifiers import new_public_id
from feedback.people.authentication import contributor_of
from feedback.pool.shown import CHOICE_WORDS, shown_choice
from feedback.prompts import message_shown
from feedback.templatetags.ui import number

SKIP_WORDS = (
    (SkipReason.CANNOT_JUDGE.value, "I cannot judge this"),
    (SkipReason.UNSAFE.value, "It is unsafe"),
    (SkipReason.BROKEN.value, "It is broken"),
    (SkipReason.OTHER.value, "Not now"),
)
WHO = {"user": "Someone asked", "assistant": "A model answered", "system": "The model was told"}
STRENGTHS = ((1, "A little"), (2, "Clearly"), (3, "Much"))
EMPTY = {
    CampaignState.OPEN: "Nothing to judge right now.",
    CampaignState.PAUSED: "This campaign is paused. What you judged is safe.",
    CampaignState.CLOSED: "This campaign is finished. Thank you.",
}


def task_context(
    request: HttpRequest, *, assignment: Assignment | None, campaign: Campaign | None
) -> dict[str, Any]:
    """Everything that the templates show of an assignment, or of there being none.

    `campaign` is the one that the visitor stays in; None: any that is open.
    """
    context: dict[str, Any] = {
        "stay": campaign,
        "today": judged_today(contributor_of(request)),
    }
    if assignment is None:
        state = campaign.state if campaign else CampaignState.OPEN
        return context | {"empty": EMPTY[CampaignState(state)]}
    shown = assignment_shown(assignment)
    return context | {
        "shown": shown,
        "earlier": [message_shown(message, WHO) for message in shown.messages[:-1]],
        "prompt": message_shown(shown.messages[-1], WHO) if shown.messages else None,
        "left": _left(tasks_left(shown.campaign)),
        "key": new_public_id(),
        "skip_reasons": SKIP_WORDS,
        "lease_seconds": int(lease_duration().total_seconds()),
    }


def revision_context(assignment: Assignment) -> dict[str, Any]:
    """The choice that counts until it is superseded."""
    preference = judgment_of(assignment)
    if preference is None:
        return {}
    return {"revise": True, "chosen": shown_choice(preference.choice, assignment.order_shown)}


def more_context(assignment: Assignment, choice: str) -> dict[str, Any]:
    """What a campaign asks beside the choice; only a winner has a strength."""
    if choice not in CHOICE_WORDS:
        raise ApplicationError("invalid", "There is no such choice.")
    return {
        "more": CHOICE_WORDS[choice],
        "chosen": choice,
        "strengths": STRENGTHS if choice in ("1", "2") else (),
        "asked_aspects": assignment.task.campaign.aspects,
    }


def _left(tasks: int) -> str:
    if tasks == 0:
        return "the last one for now"
    if tasks >= LEFT_COUNTED:
        return f"more than {number(LEFT_COUNTED)} left"
    return f"about {round(tasks, -1)} left" if tasks > 100 else f"{tasks} left"
