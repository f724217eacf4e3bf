"""Order tasks by uncertainty, in campaigns that want it so."""

from typing import Any

from django.db import connection

from feedback.campaigns.models import CampaignState, TaskOrder

NOTICEABLE = 0.01  # a priority that moves by less stays: each move changes the index of the queue

# A task's priority is the chance that the likeliest choice is wrong; unjudged, of four that is 3/4.
FOLLOW = """
UPDATE feedback_task task SET priority = fresh.uncertainty
  FROM (
    SELECT t.id,
           1 - greatest(c.p_a, c.p_b, c.p_tie, c.p_both_bad) AS uncertainty
      FROM feedback_campaign campaign
      JOIN feedback_task t ON t.campaign_id = campaign.id
      JOIN feedback_consensus c ON c.comparison_id = t.comparison_id
     WHERE campaign.state = %(open)s AND campaign.order = %(order)s
       AND campaign.human_budget IS NULL AND t.taken < t.wanted AND NOT t.is_gold
  ) AS fresh
 WHERE task.id = fresh.id AND abs(task.priority - fresh.uncertainty) >= %(noticeable)s
"""


def priorities_follow() -> int:
    """Order the open tasks by the consensus as it is now; return how many moved."""
    values: dict[str, Any] = {
        "open": CampaignState.OPEN.value,
        "order": TaskOrder.UNCERTAIN.value,
        "noticeable": NOTICEABLE,
    }
    with connection.cursor() as cursor:
        cursor.execute(FOLLOW, values)
        moved: int = cursor.rowcount
    return moved
