"""What the templates of the Annotate page show, in words."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from feedback.annotation.leasing import lease_duration
from feedback.annotation.selectors import (
    LEFT_COUNTED,
    Shown,
    assignment_shown,
    judged_today,
    judgment_of,
    lesson_of,
    tasks_left,
)
from feedback.campaigns.audience import why_not_asked
from feedback.campaigns.models import Assignment, Campaign, CampaignState, SkipReason
from feedback.campaigns.selectors import campaigns_open
from feedback.errors import ApplicationError
from feedback.identifiers import new_public_id
from feedback.people.authentication import contributor_of
from feedback.people.models import Contributor
from feedback.pool.choices import CHOICE_LABELS, displayed_choice
from feedback.pool.models import Preference
from feedback.templatetags.ui import number
from feedback.text.differences import differences
from feedback.text.message_display import SPEAKERS, message_shown
from feedback.text.rendering import render

SKIP_WORDS = (
    (SkipReason.CANNOT_JUDGE.value, gettext_lazy("I cannot judge this")),
    (SkipReason.UNSAFE.value, gettext_lazy("It is unsafe")),
    (SkipReason.BROKEN.value, gettext_lazy("It is broken")),
    (SkipReason.OTHER.value, gettext_lazy("Not now")),
)
STRENGTHS = ((1, gettext_lazy("A little")), (2, gettext_lazy("Clearly")), (3, gettext_lazy("Much")))
LONG_ANSWERS = (
    ("whole", gettext_lazy("whole")),
    ("folded", gettext_lazy("folded to one height")),
    ("apart", gettext_lazy("each scrolls on its own")),
)
EMPTY = {
    CampaignState.OPEN: gettext_lazy("Nothing to judge right now."),
    CampaignState.PAUSED: gettext_lazy("This campaign is paused. What you judged is safe."),
    CampaignState.CLOSED: gettext_lazy("This campaign is finished. Thank you."),
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
        return context | _nothing(contributor_of(request), campaign)
    shown = assignment_shown(assignment)
    who = {role: str(words) for role, words in SPEAKERS.items()}
    return context | {
        "shown": shown,
        "earlier": [message_shown(message, who) for message in shown.messages[:-1]],
        "prompt": message_shown(shown.messages[-1], who) if shown.messages else None,
        "left": _left(tasks_left(shown.campaign)),
        "key": new_public_id(),
        "skip_reasons": SKIP_WORDS,
        "long_answers": LONG_ANSWERS,
        "long_now": request.COOKIES.get("long", "whole"),
        "lease_seconds": int(lease_duration().total_seconds()),
    }


def _nothing(contributor: Contributor, campaign: Campaign | None) -> dict[str, str]:
    """Why there is no task: nothing is open, it is over, or it asks for somebody else."""
    state = CampaignState(campaign.state) if campaign else CampaignState.OPEN
    why = why_not_asked(campaigns_open(campaign), contributor)
    return {"empty": str(EMPTY[state]), "why_not": why}


def revision_context(assignment: Assignment) -> dict[str, Any]:
    """The choice that counts until it is superseded."""
    preference = judgment_of(assignment)
    if preference is None:
        return {}
    return {"revise": True, "chosen": displayed_choice(preference.choice, assignment.order_shown)}


def more_context(assignment: Assignment, choice: str) -> dict[str, Any]:
    """What a campaign asks beside the choice; only a winner has a strength."""
    if choice not in CHOICE_LABELS:
        raise ApplicationError("invalid", _("There is no such choice."))
    campaign = assignment.task.campaign
    has_winner = choice in ("1", "2")
    return {
        "more": CHOICE_LABELS[choice],
        "chosen": choice,
        "strengths": STRENGTHS if has_winner and campaign.asks_strength else (),
        "asked_aspects": campaign.aspects,
        "asked_reasons": campaign.reasons,
        "asks_rationale": campaign.asks_rationale,
    }


def differences_context(shown: Shown) -> dict[str, Any]:
    """Both answers with their differences marked, and a sentence about them."""
    found = differences(*(render(text) for text in shown.responses))
    if found is None:
        return {"said": _("These answers are too long to compare word by word.")}
    percent = round(found.share * 100)
    said = _("%(percent)s %% of the words differ; they are underlined.") % {"percent": percent}
    return {"marked": (found.first, found.second), "said": said}


def lesson_context(judgment: Preference) -> dict[str, Any]:
    """The known answer of a task for training, beside what was judged; else nothing."""
    lesson = lesson_of(judgment)
    if lesson is None:
        return {}
    return {
        "lesson": lesson,
        "is_right": lesson.choice == judgment.choice,
        "right": CHOICE_LABELS[displayed_choice(lesson.choice, judgment.order_shown)],
        "given": CHOICE_LABELS[displayed_choice(judgment.choice, judgment.order_shown)],
    }


def _left(tasks: int) -> str:
    if tasks == 0:
        return _("the last one for now")
    if tasks >= LEFT_COUNTED:
        return _("more than %(n)s left") % {"n": number(LEFT_COUNTED)}
    if tasks > 100:
        return _("about %(n)s left") % {"n": round(tasks, -1)}
    return ngettext("%(n)s left", "%(n)s left", tasks) % {"n": tasks}
