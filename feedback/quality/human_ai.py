"""How often a person and an AI judge choose the same side, where both choose one."""

import math
from datetime import datetime

from django.db import connection

from feedback.campaigns.models import Campaign
from feedback.quality.models import CampaignAgreement

# Comparisons judged alike are counted together: what comes back does not grow with the judgments.
PAIRS = """
SELECT ha * ja + hb * jb AS agree, (ha + hb) * (ja + jb) AS pairs, count(*) FROM (
  SELECT count(*) FILTER (WHERE r.kind = 'human' AND p.choice = 'a') AS ha,
         count(*) FILTER (WHERE r.kind = 'human' AND p.choice = 'b') AS hb,
         count(*) FILTER (WHERE r.kind = 'ai' AND p.choice = 'a') AS ja,
         count(*) FILTER (WHERE r.kind = 'ai' AND p.choice = 'b') AS jb
    FROM feedback_preference p JOIN feedback_rater r ON r.id = p.rater_id
   WHERE p.state = 'active' AND p.choice IN ('a', 'b') AND {campaign}
   GROUP BY p.comparison_id
) counts WHERE (ha + hb) * (ja + jb) > 0 GROUP BY 1, 2
"""
NAME, SHARE = "human with ai", "share"
Z = 1.959964


def human_ai_write(campaign: Campaign | None, now: datetime) -> bool:
    """Store the share of a campaign, or of all; whether anything is judged by both."""
    statement = PAIRS.format(campaign="p.campaign_id = %s" if campaign else "TRUE")
    with connection.cursor() as cursor:
        cursor.execute(statement, [campaign.id] if campaign else [])
        rows = [tuple(float(value) for value in row) for row in cursor.fetchall()]
    if not rows:
        return False
    share, low, high = ratio_interval(rows)
    CampaignAgreement.objects.update_or_create(
        campaign=campaign,
        aspect="",
        cohort=NAME,
        level=SHARE,
        defaults={
            "alpha": share,
            "low": low,
            "high": high,
            "units": int(sum(times for *_, times in rows)),
            "ratings": int(sum(pairs * times for _, pairs, times in rows)),
            "updated_at": now,
        },
    )
    return True


def ratio_interval(rows: list[tuple[float, ...]]) -> tuple[float, float, float]:
    """The share of pairs that agree and its 95 % interval, clustered by comparison.

    rows: (agreeing pairs, pairs, comparisons like that). The variance is that of a ratio of sums,
    the interval Wilson's on as many comparisons as have it, and never on more than there are.
    """
    total = sum(pairs * times for _, pairs, times in rows)
    share = sum(agree * times for agree, _, times in rows) / total
    variance = sum(times * (agree - share * pairs) ** 2 for agree, pairs, times in rows) / total**2
    n = sum(times for *_, times in rows)
    if variance > 0:
        n = min(n, share * (1 - share) / variance)
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return share, max(0.0, centre - half), min(1.0, centre + half)
