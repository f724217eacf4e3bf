"""Writes about campaigns: what is to be labelled, and the tasks of it."""

from collections.abc import Sequence
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from feedback.campaigns.models import Campaign, CampaignState
from feedback.campaigns.validation import campaign_validate
from feedback.errors import ConflictError
from feedback.people.models import Contributor
from feedback.people.services import audit_record
from feedback.registry.models import Topic

DEFAULT_GUIDELINES = (
    "Read both answers to the end. Choose the one that serves the person who asked better: "
    "right first, then complete, then clear. Equal is an answer, and so is both bad."
)

# Tasks come by priority, then by a stored key: a time where the oldest is first, else a random
# one. What nobody has judged is as uncertain as a judgment of four choices can be.
KEY = """CASE WHEN %(order)s = 'oldest' THEN (extract(epoch FROM c.created_at) * 1e6)::bigint
              ELSE (random() * 9007199254740992)::bigint END"""
PRIORITY = "CASE WHEN %(order)s = 'uncertain' THEN 0.75 ELSE 0 END"

# A campaign with a budget wants no judgment until the hybrid router decides so.
ADD_TASKS = f"""
INSERT INTO feedback_task
  (id, created_at, campaign_id, comparison_id, wanted, taken, submitted, priority, shuffle_key,
   is_gold)
SELECT gen_random_uuid(), now(), %(campaign)s, c.id, %(wanted)s, 0, 0, {PRIORITY}, {KEY}, false
  FROM feedback_comparison c
  JOIN feedback_turn t ON t.id = c.turn_id
 WHERE c.response_a_id IS NOT NULL AND {{which}}
ON CONFLICT (campaign_id, comparison_id) DO NOTHING
"""  # noqa: S608 - constants
OF_SCOPE = """
  (%(source)s = '' OR EXISTS (SELECT 1 FROM feedback_comparisonorigin o
     WHERE o.comparison_id = c.id AND o.source = %(source)s))
  AND (%(topic)s::uuid IS NULL OR EXISTS (SELECT 1 FROM feedback_turn_topics tt
     WHERE tt.turn_id = t.id AND tt.topic_id = %(topic)s::uuid))
  AND (%(language)s = '' OR t.language = %(language)s)"""
OF_LIST = "c.id = ANY(%(comparisons)s)"

SET_OVERLAP = """
UPDATE feedback_task SET wanted = greatest(%(overlap)s, taken)
 WHERE campaign_id = %(campaign)s AND wanted > 0 AND NOT is_gold
"""
SET_ORDER = f"""
UPDATE feedback_task task SET shuffle_key = {KEY}, priority = {PRIORITY}
  FROM feedback_comparison c
 WHERE task.campaign_id = %(campaign)s AND c.id = task.comparison_id
"""  # noqa: S608 - constants


class CampaignFields(TypedDict, total=False):
    """The fields of a campaign that are given when it is made, and can be changed afterwards."""

    name: str
    guidelines: str
    overlap: int
    aspects: list[str]
    reasons: list[str]
    asks_strength: bool
    asks_rationale: bool
    expertise: list[str]
    minimum_tier: int
    order: str
    gold_share: float


def campaign_create(
    *,
    slug: str,
    human_budget: int | None = None,
    source: str = "",
    topic: Topic | None = None,
    language: str = "",
    **fields: Unpack[CampaignFields],
) -> tuple[Campaign, int]:
    """Make a campaign of comparisons with texts, of one source or all; return it and its size."""
    campaign = Campaign(
        slug=slug, human_budget=human_budget, source=source, topic=topic, language=language
    )
    _fill(campaign, {"guidelines": DEFAULT_GUIDELINES, **fields})
    campaign.name = campaign.name or slug.replace("-", " ").capitalize()
    campaign_validate(campaign)
    try:
        with transaction.atomic():
            campaign.save(force_insert=True)
            return campaign, _add(
                campaign,
                OF_SCOPE,
                source=source,
                topic=topic.id if topic else None,
                language=language,
            )
    except IntegrityError as error:
        raise ConflictError("slug_taken", _("There is already a campaign “%s”.") % slug) from error


def campaign_edit(
    *, campaign: Campaign, actor: Contributor, **fields: Unpack[CampaignFields]
) -> Campaign:
    """Change what a campaign asks; its tasks follow, and no judgment is touched."""
    with transaction.atomic():
        found = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if found.state == CampaignState.CLOSED:
            raise ConflictError("campaign_closed", _("This campaign is finished."))
        before = found.overlap, found.order
        _fill(found, fields)
        campaign_validate(found)
        found.save()
        if found.overlap != before[0]:
            _execute(SET_OVERLAP, campaign=found.id, overlap=found.overlap)
        if found.order != before[1] and found.human_budget is None:
            _execute(SET_ORDER, campaign=found.id, order=found.order)
        audit_record(actor=actor, action="campaign.edit", subject=found.slug)
    return found


def tasks_add(*, campaign: Campaign, comparisons: Sequence[UUID]) -> int:
    """Add comparisons that have texts and are not in the campaign yet; return how many."""
    return _add(campaign, OF_LIST, comparisons=list(comparisons))


def campaign_set_state(*, campaign: Campaign, state: CampaignState, actor: Contributor) -> None:
    """Pause, reopen or close a campaign; one that is closed stays closed."""
    with transaction.atomic():
        changed = (
            Campaign.objects.filter(pk=campaign.pk)
            .exclude(state=CampaignState.CLOSED)
            .update(state=state)
        )
        if not changed:
            raise ConflictError("campaign_closed", _("This campaign is finished."))
        audit_record(actor=actor, action=f"campaign.{state.value}", subject=campaign.slug)


def _fill(campaign: Campaign, fields: CampaignFields) -> None:
    for name, value in fields.items():
        # Each word once, in the order given: a repeated aspect would be asked twice.
        setattr(campaign, name, list(dict.fromkeys(value)) if isinstance(value, list) else value)


def _add(campaign: Campaign, which: str, **parameters: str | UUID | list[UUID] | None) -> int:
    """Add the tasks of the comparisons that a condition in SQL names; return how many."""
    wanted = campaign.overlap if campaign.human_budget is None else 0
    return _execute(
        ADD_TASKS.format(which=which),
        campaign=campaign.id,
        wanted=wanted,
        order=campaign.order,
        **parameters,
    )


def _execute(statement: str, **parameters: Any) -> int:
    """Run a statement; return how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        changed: int = cursor.rowcount
    return changed
