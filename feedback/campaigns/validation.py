"""What a campaign may say, checked before it is stored."""

from django.utils.translation import gettext as _

from feedback.campaigns.models import Campaign, TaskOrder
from feedback.errors import refuse_problems
from feedback.people.models import TrustTier

MAX_OVERLAP = 100
MAX_REASONS = 20  # as many as a judgment may carry
WORD_LENGTH = 64


def campaign_validate(campaign: Campaign) -> None:
    """Raise an InvalidError that names each field which is not as it should be."""
    negative = (campaign.human_budget or 0) < 0
    known_order = campaign.order in TaskOrder.values
    known_tier = campaign.minimum_tier in TrustTier.values
    refuse_problems(
        {
            "slug": _slug_problem(campaign.slug),
            "name": "" if len(campaign.name) <= 200 else _("At most 200 characters."),
            "overlap": _range_problem(campaign.overlap, 1, MAX_OVERLAP),
            "human_budget": _("A budget cannot be negative.") if negative else "",
            "aspects": _words_problem(campaign.aspects),
            "reasons": _words_problem(campaign.reasons),
            "expertise": _words_problem(campaign.expertise),
            "order": "" if known_order else _("There is no such order."),
            "minimum_tier": "" if known_tier else _("There is no such tier."),
            "gold_share": _range_problem(campaign.gold_share, 0, 1),
        },
        _("This campaign cannot be made."),
    )


def _slug_problem(slug: str) -> str:
    plain = slug.replace("-", "").replace("_", "")
    ok = plain.isascii() and plain.isalnum() and len(slug) <= 100
    return "" if ok else _("Up to 100 letters, digits, hyphens and underscores.")


def _range_problem(value: float, low: int, high: int) -> str:
    if low <= value <= high:
        return ""
    return _("Enter a number from %(low)s to %(high)s.") % {"low": low, "high": high}


def _words_problem(words: list[str]) -> str:
    if len(words) > MAX_REASONS:
        return _("At most %(limit)s.") % {"limit": MAX_REASONS}
    ok = all(0 < len(word) <= WORD_LENGTH and "\x00" not in word for word in words)
    return "" if ok else _("1 to %(limit)s characters each.") % {"limit": WORD_LENGTH}
