"""Whom a campaign asks: those who know its field, and whose tier is high enough."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from feedback.campaigns.models import Campaign
from feedback.people.models import Contributor, TrustTier


def asks(campaign: Campaign, contributor: Contributor) -> bool:
    """Return whether the campaign hands out tasks to this person, once it is open."""
    return _is_trusted(campaign, contributor) and _is_expert(campaign, contributor)


def why_not_asked(campaigns: Sequence[Campaign], contributor: Contributor) -> str:
    """Return what these campaigns want that the person lacks, a sentence; empty where nothing."""
    closed = [campaign for campaign in campaigns if not asks(campaign, contributor)]
    fields = sorted(
        {
            field
            for campaign in closed
            if not _is_expert(campaign, contributor)
            for field in campaign.expertise
        }
    )
    if fields:
        return _("These tasks are for people who know %(fields)s.") % {
            "fields": _(" or ").join(fields)
        }
    if not closed:
        return ""
    tier = TrustTier(min(campaign.minimum_tier for campaign in closed))
    if tier == TrustTier.TRUSTED:
        return _("These tasks are for people with enough earlier judgments.")
    return _("These tasks are for people with an account.")


def _is_trusted(campaign: Campaign, contributor: Contributor) -> bool:
    return contributor.trust_tier >= campaign.minimum_tier


def _is_expert(campaign: Campaign, contributor: Contributor) -> bool:
    """Return whether the person names one of the wanted fields; case and spaces do not matter."""
    known = {_plain(field) for field in contributor.expertise}
    return not campaign.expertise or any(_plain(field) in known for field in campaign.expertise)


def _plain(field: str) -> str:
    return " ".join(field.casefold().split())
