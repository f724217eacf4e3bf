"""Reads about the queue: what someone holds, what it shows, how far they have come."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from feedback.annotation.leasing import EMPTY_SECONDS, handle_of
from feedback.annotation.models import Place
from feedback.campaigns.audience import asks
from feedback.campaigns.models import Assignment, Campaign, GoldItem, Task
from feedback.campaigns.selectors import campaigns_open
from feedback.database.prepared import prepared_first, prepared_objects, prepared_rows
from feedback.errors import ConflictError, NotFoundError
from feedback.people.models import ConsentRecord, Contributor
from feedback.people.selectors import consent_missing
from feedback.people.terms import TERMS_VERSION
from feedback.pool.choices import CHOICE_LABELS, displayed_choice
from feedback.pool.models import Comparison, Preference, Response, Turn
from feedback.registry.models import ModelVersion

SLUG = re.compile(r"[-\w]{1,100}")
LEFT_COUNTED = 1000  # what is left is counted up to here
LEASE_LOST = gettext_noop(
    "Your reservation expired, so this judgment was not saved. Reclaim the task."
)


HOLDS = """
SELECT a.id, a.token, t.campaign_id, a.expires_at > statement_timestamp()
  FROM feedback_assignment a JOIN feedback_task t ON t.id = a.task_id
  JOIN feedback_comparison c ON c.id = t.comparison_id AND c.withheld_at IS NULL
 WHERE a.contributor_id = %(contributor)s AND a.state = 'live'
 ORDER BY a.created_at, a.id
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """A lease as the queue sees it."""

    id: UUID
    token: str
    campaign_id: UUID
    is_live: bool


# By the handle, so that an old token of it is known for a lost lease. The range is that of LIKE
# 'handle-', which a prepared statement cannot look up.
LOCK_HELD = """
SELECT a.id, a.token, a.state, a.state = 'live' AND a.expires_at > statement_timestamp(),
       a.expires_at, a.order_shown, t.campaign_id, campaign.aspects, campaign.reasons,
       t.comparison_id, c.version_a_id, a_version.label, c.version_b_id, b_version.label,
       rater.id, (
         SELECT id FROM feedback_consentrecord
          WHERE contributor_id = a.contributor_id AND terms_version = %(terms)s
          ORDER BY created_at DESC LIMIT 1)
  FROM feedback_assignment a
  JOIN feedback_task t ON t.id = a.task_id
  JOIN feedback_campaign campaign ON campaign.id = t.campaign_id
  JOIN feedback_comparison c ON c.id = t.comparison_id
  LEFT JOIN feedback_modelversion a_version ON a_version.id = c.version_a_id
  LEFT JOIN feedback_modelversion b_version ON b_version.id = c.version_b_id
  JOIN feedback_rater rater ON rater.contributor_id = a.contributor_id
 WHERE a.token ~>=~ %(handle)s::text AND a.token ~<~ (%(handle)s::text || '.')
   AND a.contributor_id = %(contributor)s
   FOR NO KEY UPDATE OF a
"""


@dataclass(slots=True)
class Held:
    """An assignment under a lock, with what a judgment of it and its receipt need."""

    id: UUID
    token: str
    state: str
    is_live: bool
    expires_at: datetime
    order_shown: str
    campaign_id: UUID
    aspects: list[str]
    reasons: list[str]
    comparison_id: UUID
    version_a_id: UUID | None
    label_a: str | None
    version_b_id: UUID | None
    label_b: str | None
    rater_id: UUID
    consent_id: UUID | None

    @property
    def comparison(self) -> Comparison:
        """The comparison, with no more of its models than their names."""
        return Comparison(
            pk=self.comparison_id,
            version_a=_named(self.version_a_id, self.label_a),
            version_b=_named(self.version_b_id, self.label_b),
        )

    def consent_required(self) -> ConsentRecord:
        """The consent that a judgment of it is given under; an error where there is none."""
        if self.consent_id is None:
            raise consent_missing()
        return ConsentRecord(pk=self.consent_id)


def _named(version_id: UUID | None, label: str | None) -> ModelVersion | None:
    return None if label is None else ModelVersion(pk=version_id, label=label)


SHOWN = """
SELECT a.token, a.expires_at, a.order_shown, turn.messages, response_a.text, response_b.text,
       campaign.aspects, campaign.guidelines
  FROM feedback_assignment a
  JOIN feedback_task t ON t.id = a.task_id
  JOIN feedback_campaign campaign ON campaign.id = t.campaign_id
  JOIN feedback_comparison c ON c.id = t.comparison_id
  JOIN feedback_turn turn ON turn.id = c.turn_id
  JOIN feedback_response response_a ON response_a.id = c.response_a_id
  JOIN feedback_response response_b ON response_b.id = c.response_b_id
 WHERE a.id = %(assignment)s
"""
WITH_TASK = """
  FROM feedback_assignment a
  JOIN feedback_task task ON task.id = a.task_id
  JOIN feedback_campaign campaign ON campaign.id = task.campaign_id
  JOIN feedback_comparison comparison ON comparison.id = task.comparison_id
  JOIN feedback_turn turn ON turn.id = comparison.turn_id
  LEFT JOIN feedback_response response_a ON response_a.id = comparison.response_a_id
  LEFT JOIN feedback_response response_b ON response_b.id = comparison.response_b_id
 WHERE """
NAMED = """
       a.token ~>=~ %(handle)s::text AND a.token ~<~ (%(handle)s::text || '.')
   AND a.contributor_id = %(contributor)s
"""
LESSON = """
x.campaign_id = %(campaign)s AND x.comparison_id = %(comparison)s AND x.mode = 'training'
"""
TODAY = """
SELECT count(*) FROM feedback_assignment
 WHERE contributor_id = %(contributor)s AND state = 'submitted' AND finished_at >= %(midnight)s
"""
LEFT = """
SELECT count(*) FROM (
  SELECT FROM feedback_task
   WHERE campaign_id = %(campaign)s AND NOT is_gold AND taken < wanted LIMIT %(limit)s
) AS wanting
"""
UNDO_OVER = gettext_noop(
    "A judgment can be undone here for a minute. It is safe under My contributions."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a contributor sees of an assignment: two answers in their order, and no names."""

    assignment: Assignment
    campaign: Campaign
    messages: list[dict[str, Any]]
    responses: tuple[str, str]
    language: str
    reported: tuple[str, str]  # under which name each answer can be reported


def campaign_find(slug: str) -> Campaign:
    """The campaign of that name, open or not."""
    known = SLUG.fullmatch(slug)
    campaign = prepared_first(Campaign, "x.slug = %(slug)s", {"slug": slug}) if known else None
    if campaign is None:
        raise NotFoundError("unknown_campaign", _("There is no such campaign."))
    return campaign


def campaigns_for(contributor: Contributor, campaign: Campaign | None) -> list[Campaign]:
    """The open campaigns that ask this person, the oldest first; or the one named, if it does.

    Those that had nothing for this contributor a moment ago come last.
    """
    asking = [one for one in campaigns_open(campaign) if asks(one, contributor)]
    return _with_the_empty_last(contributor, asking)


def _with_the_empty_last(contributor: Contributor, campaigns: list[Campaign]) -> list[Campaign]:
    if len(campaigns) < 2:
        return campaigns
    recently = Now() - timedelta(seconds=EMPTY_SECONDS)
    places = Place.objects.filter(contributor=contributor, empty_at__gt=recently)
    empty = set(places.values_list("campaign_id", flat=True))
    return sorted(campaigns, key=lambda campaign: campaign.id in empty)


def assignment_taken(assignment_id: UUID) -> Assignment:
    """An assignment with all that a page or a judgment needs of it."""
    found = _with_task("a.id = %(id)s", {"id": assignment_id})
    if found is None:
        raise Assignment.DoesNotExist
    return found


def _with_task(condition: str, values: dict[str, Any]) -> Assignment | None:
    rows = prepared_objects(
        WITH_TASK + condition,
        values,
        a=Assignment,
        task=Task,
        campaign=Campaign,
        comparison=Comparison,
        turn=Turn,
        response_a=Response,
        response_b=Response,
    )
    if not rows:
        return None
    assignment, task, campaign, comparison, turn, response_a, response_b = rows[0]
    comparison.turn = turn
    comparison.response_a, comparison.response_b = response_a, response_b
    task.campaign, task.comparison, assignment.task = campaign, comparison, task
    return cast(Assignment, assignment)


def holds_of(contributor: Contributor) -> list[Hold]:
    """What the contributor holds, the oldest first, with what ran out and was not ended yet."""
    return [Hold(*row) for row in prepared_rows(HOLDS, {"contributor": contributor.id})]


def assignment_named(*, contributor: Contributor, token: str) -> Assignment:
    """The contributor's assignment behind a token, whichever of its leases the token names."""
    handle = handle_of(token)
    found = None
    if handle.isascii() and handle.isalnum():
        found = _with_task(NAMED, {"handle": handle, "contributor": contributor.id})
    if found is None:
        raise NotFoundError("unknown_assignment", _("There is no such assignment of yours."))
    return found


def assignment_find(*, contributor: Contributor, token: str) -> Assignment:
    """The contributor's assignment behind a token; an old token of it means a lost lease."""
    found = assignment_named(contributor=contributor, token=token)
    if found.token != token:
        raise ConflictError("lease_lost", _(LEASE_LOST))
    return found


def held_lock(*, contributor: Contributor, token: str) -> Held:
    """The contributor's assignment behind a token, locked; an old token means a lost lease."""
    handle = handle_of(token)
    values = {"handle": handle, "contributor": contributor.id, "terms": TERMS_VERSION}
    plain = handle.isascii() and handle.isalnum()
    rows = prepared_rows(LOCK_HELD, values) if plain else []
    if not rows:
        raise NotFoundError("unknown_assignment", _("There is no such assignment of yours."))
    held = Held(*rows[0])
    if held.token != token:
        raise ConflictError("lease_lost", _(LEASE_LOST))
    return held


def task_shown(assignment_id: UUID) -> dict[str, Any]:
    """What the API shows of an assignment: the answers in their order, and no names."""
    ((token, expires_at, order, messages, a, b, aspects, guidelines),) = prepared_rows(
        SHOWN, {"assignment": assignment_id}
    )
    return {
        "assignment": token,
        "lease_expires_at": expires_at,
        "messages": json.loads(messages),
        "responses": [{"a": a, "b": b}[side] for side in order],
        "aspects": aspects,
        "guidelines": guidelines,
    }


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
        reported=(first.public_id if first else "", second.public_id if second else ""),
    )


def judgment_of(assignment: Assignment) -> Preference | None:
    """The judgment that counts for this assignment."""
    values = {"assignment": assignment.id}
    return prepared_first(
        Preference, "x.assignment_id = %(assignment)s AND x.state = 'active'", values
    )


def lesson_of(judgment: Preference) -> GoldItem | None:
    """The known answer of a task for training, for the one who has given this judgment of it."""
    values = {"campaign": judgment.campaign_id, "comparison": judgment.comparison_id}
    return prepared_first(GoldItem, LESSON, values)


def said_of(judgment: Preference) -> str:
    """What was judged, in the words of the buttons."""
    return str(CHOICE_LABELS[displayed_choice(judgment.choice, judgment.order_shown)])


def judged_today(contributor: Contributor) -> int:
    """How many tasks the contributor has answered since midnight."""
    midnight: datetime = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    ((found,),) = prepared_rows(TODAY, {"contributor": contributor.id, "midnight": midnight})
    return int(found)


def tasks_left(campaign: Campaign) -> int:
    """How many tasks of the campaign still want somebody; counted up to a limit."""
    ((found,),) = prepared_rows(LEFT, {"campaign": campaign.id, "limit": LEFT_COUNTED})
    return int(found)
