"""Writes about campaigns: what is to be labelled, and the tasks of it."""

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from feedback.campaigns.models import Campaign, CampaignState
from feedback.errors import ApplicationError, ConflictError
from feedback.people.models import Contributor
from feedback.people.services import audit_record

DEFAULT_GUIDELINES = (
    "Read both answers to the end. Choose the one that serves the person who asked better: "
    "right first, then complete, then clear. Equal is an answer, and so is both bad."
)
MAX_OVERLAP = 100

# A campaign with a budget wants no judgment until the hybrid router decides so.
ADD_TASKS = """
INSERT INTO feedback_task
  (id, created_at, campaign_id, comparison_id, wanted, taken, submitted, priority, shuffle_key)
SELECT gen_random_uuid(), now(), %(campaign)s, c.id, %(wanted)s, 0, 0, 0,
       (random() * 9007199254740992)::bigint
  FROM feedback_comparison c
 WHERE c.response_a_id IS NOT NULL AND {which}
ON CONFLICT (campaign_id, comparison_id) DO NOTHING
"""
OF_SOURCE = """(%(source)s = '' OR EXISTS (
  SELECT 1 FROM feedback_comparisonorigin o
   WHERE o.comparison_id = c.id AND o.source = %(source)s))"""
OF_LIST = "c.id = ANY(%(comparisons)s)"


def campaign_create(
    *,
    slug: str,
    overlap: int = 1,
    aspects: Sequence[str] = (),
    human_budget: int | None = None,
    source: str = "",
    name: str = "",
    guidelines: str = DEFAULT_GUIDELINES,
) -> tuple[Campaign, int]:
    """A campaign over the comparisons with texts, of one source or all; how many tasks it has."""
    campaign = Campaign(
        slug=slug,
        name=name or slug.replace("-", " ").capitalize(),
        guidelines=guidelines,
        aspects=list(dict.fromkeys(aspects)),
        overlap=overlap,
        human_budget=human_budget,
        source=source,
    )
    _check(campaign)
    try:
        with transaction.atomic():
            campaign.save(force_insert=True)
            return campaign, _add(campaign, OF_SOURCE, source=source)
    except IntegrityError as error:
        raise ConflictError("slug_taken", f"There is a campaign {slug!r} already.") from error


def tasks_add(*, campaign: Campaign, comparisons: Sequence[UUID]) -> int:
    """Put comparisons into a campaign, those that have texts and are not in it yet."""
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
            raise ConflictError("campaign_closed", "This campaign is finished.")
        audit_record(actor=actor, action=f"campaign.{state.value}", subject=campaign.slug)


def _add(campaign: Campaign, which: str, **parameters: str | list[UUID]) -> int:
    wanted = campaign.overlap if campaign.human_budget is None else 0
    with connection.cursor() as cursor:
        cursor.execute(
            ADD_TASKS.format(which=which),
            {"campaign": campaign.id, "wanted": wanted, **parameters},
        )
        added: int = cursor.rowcount
    return added


def _check(campaign: Campaign) -> None:
    problems = {
        "slug": _slug_problem(campaign.slug),
        "overlap": ""
        if 1 <= campaign.overlap <= MAX_OVERLAP
        else f"A number from 1 to {MAX_OVERLAP}, please.",
        "human_budget": "A budget cannot be negative." if (campaign.human_budget or 0) < 0 else "",
        "aspects": "" if all(0 < len(a) <= 64 for a in campaign.aspects) else "1 to 64 characters.",
    }
    fields = {name: text for name, text in problems.items() if text}
    if fields:
        raise ApplicationError("invalid", "This campaign cannot be made.", fields=fields)


def _slug_problem(slug: str) -> str:
    plain = slug.replace("-", "").replace("_", "")
    ok = plain.isascii() and plain.isalnum() and len(slug) <= 100
    return "" if ok else "Up to 100 letters, digits, hyphens and underscores, please."
