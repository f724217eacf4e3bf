"""Make gold items, and hand them out unseen among the other tasks.

A gold item is a task like any other, but it is not in the order of the campaign: with the chance
`gold_share` the next task is one that this person has not met, as long as there is another task to
hide it among. Order, identifier and time of a task are drawn alike, so nothing tells it apart. Its
judgments say how good the rater is and take part in the consensus of that comparison; rankings
leave them out (by trigger).
"""

import random
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils.translation import gettext

from feedback.campaigns.models import Campaign, GoldItem, GoldMode, Task
from feedback.errors import refuse_problems
from feedback.people.models import Contributor
from feedback.people.services import audit_record
from feedback.pool.models import Choice, Comparison

EVERYBODY: Final = 32_767  # as often as the column can hold: a gold item is for everyone
_random = random.SystemRandom()

UNMET = """
SELECT t.id FROM feedback_task t
 WHERE t.campaign_id = %(campaign)s AND t.is_gold
   AND NOT EXISTS (
     SELECT FROM feedback_assignment lease JOIN feedback_task o ON o.id = lease.task_id
      WHERE o.comparison_id = t.comparison_id AND lease.contributor_id = %(contributor)s)
   AND NOT EXISTS (SELECT FROM feedback_preference p JOIN feedback_rater r ON r.id = p.rater_id
     WHERE p.comparison_id = t.comparison_id AND r.contributor_id = %(contributor)s)
   AND EXISTS (SELECT FROM feedback_task other
     WHERE other.campaign_id = %(campaign)s AND NOT other.is_gold AND other.taken < other.wanted)
"""


def gold_set(
    *,
    campaign: Campaign,
    comparison: Comparison,
    choice: str,
    mode: str = GoldMode.SILENT,
    explanation: str = "",
    actor: Contributor | None = None,
) -> GoldItem:
    """Make a comparison a gold item, or change its answer; its task leaves the campaign's order."""
    known = choice in Choice.values and mode in GoldMode.values
    problem = gettext(
        "A gold item has one of the choices as its answer, and is silent or for training."
    )
    no_texts = gettext("A gold item needs both texts.")
    refuse_problems(
        {
            "choice": "" if known else problem,
            "comparison": no_texts if comparison.response_a_id is None else "",
        }
    )
    with transaction.atomic():
        gold, _ = GoldItem.objects.update_or_create(
            campaign=campaign,
            comparison=comparison,
            defaults={"choice": choice, "mode": mode, "explanation": explanation},
        )
        Task.objects.update_or_create(
            campaign=campaign,
            comparison=comparison,
            defaults={"wanted": EVERYBODY, "is_gold": True},
            create_defaults={
                "wanted": EVERYBODY,
                "is_gold": True,
                "shuffle_key": _random.getrandbits(53),
            },
        )
        detail = {"comparison": comparison.public_id, "choice": choice, "mode": mode}
        audit_record(actor=actor, action="gold.set", subject=campaign.slug, detail=detail)
    return gold


def gold_remove(*, gold: GoldItem, actor: Contributor) -> None:
    """Make a gold item a usual comparison again; its task goes back into the campaign's order.

    Where a budget decides who is asked, the router asks for more than was given already.
    """
    campaign, comparison = gold.campaign, gold.comparison
    usual = 0 if campaign.human_budget is not None else campaign.overlap
    with transaction.atomic():
        gold.delete()
        Task.objects.filter(campaign=campaign, comparison=comparison).update(
            is_gold=False, wanted=Greatest(F("taken"), usual)
        )
        detail = {"comparison": comparison.public_id}
        audit_record(actor=actor, action="gold.remove", subject=campaign.slug, detail=detail)


def gold_task_for(*, campaign: Campaign, contributor: Contributor) -> UUID | None:
    """Return, by the campaign's chance, a gold task that this person has not met; else None."""
    if _random.random() >= campaign.gold_share:
        return None
    with connection.cursor() as cursor:
        cursor.execute(UNMET, {"campaign": campaign.id, "contributor": contributor.id})
        unmet = [row[0] for row in cursor.fetchall()]
    return _random.choice(unmet) if unmet else None
