"""Reads of publication: counters of the pool, previews, releases."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from feedback.pool.models import Preference
from feedback.publication.models import Release
from feedback.publication.shapes import SHAPES
from feedback.publication.shapes.base import ExportQuery, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Judgments that are public now, wait for their delay, and were taken back after it."""

    published: int
    waiting: int
    withdrawn: int


def counters() -> Counters:
    """Count judgments for the Data page."""
    judgments = Preference.objects.all()
    return Counters(
        published=judgments.published().count(),
        waiting=judgments.waiting().count(),
        withdrawn=judgments.filter(removed_number__isnull=False).count(),
    )


def preview(query: ExportQuery, rows: int = 3) -> Sequence[Row]:
    """Return the first rows of an export."""
    first = next(SHAPES[query.shape].chunks(query), [])
    return first[:rows]


def releases() -> QuerySet[Release]:
    """Return all releases, newest first; a retracted one stays."""
    return Release.objects.order_by("-created_at")
