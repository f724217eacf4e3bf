"""Reads of a contributor's own judgments."""

import uuid
from typing import Any

from django.db.models import Q

from feedback.contributions.services import Effects
from feedback.people.models import Contributor
from feedback.people.selectors import given_by
from feedback.pool.models import Preference, PreferenceState

OWN_PAGE = 50


def own_totals(contributor: Contributor, effects: Effects) -> dict[str, Any]:
    """How many judgments count, how many the newest release holds, and what they trained."""
    own = Preference.objects.filter(given_by(contributor))
    totals: dict[str, Any] = {"active": own.filter(state=PreferenceState.ACTIVE).count()}
    if effects.releases:
        newest = effects.releases[-1]
        held = own.filter(published_number__lte=newest.last_number)
        gone = Q(removed_number__lte=newest.last_number)
        totals["release"] = (newest.version, held.exclude(gone).count())
    totals["trained"] = [(name, len(keys)) for name, keys in effects.trained]
    return totals


def own_judgments(contributor: Contributor, before: uuid.UUID | None) -> list[Preference]:
    """A page of the contributor's judgments, newest first; superseded ones are left out."""
    found = (
        Preference.objects.filter(given_by(contributor))
        .exclude(state=PreferenceState.SUPERSEDED)
        .select_related("comparison__turn", "campaign")
        .order_by("-id")
    )
    if before is not None:
        found = found.filter(id__lt=before)
    return list(found[:OWN_PAGE])
