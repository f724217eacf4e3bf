"""Reads of publication: counters of the pool, and a contributor's own judgments."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from feedback.people.models import Contributor
from feedback.people.selectors import given_by
from feedback.pool.models import Preference, PreferenceState
from feedback.publication.models import Release
from feedback.publication.own import Effects
from feedback.publication.query import ExportQuery
from feedback.publication.shapes import SHAPE
from feedback.publication.shapes.reading import Row

OWN_PAGE = 50


@dataclass(frozen=True, slots=True)
class Counters:
    """Judgments that are public now, wait for their delay, and were taken back after it."""

    published: int
    waiting: int
    withdrawn: int


def counters() -> Counters:
    """The live counters of the Data page."""
    found = Preference.objects.aggregate(
        published=Count("id", filter=Q(published_number__isnull=False, removed_number=None)),
        waiting=Count(
            "id", filter=Q(published_number=None, state=PreferenceState.ACTIVE, visibility="public")
        ),
        withdrawn=Count("id", filter=Q(removed_number__isnull=False)),
    )
    return Counters(**found)


def preview(query: ExportQuery, rows: int = 3) -> Sequence[Row]:
    """The first rows of an export."""
    first = next(SHAPE[query.shape].chunks(query), [])
    return first[:rows]


def releases() -> QuerySet[Release]:
    """All releases, newest first; a retracted one stays."""
    return Release.objects.order_by("-created_at")


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
