"""What the pages of raters show; none of it grows with the number of judgments."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.database.lookup import get_or_not_found
from feedback.people.models import Contributor, Rater
from feedback.pool.choices import displayed_choice
from feedback.pool.models import Preference
from feedback.quality.checks import CHECKS
from feedback.quality.checks.base import Check
from feedback.quality.models import (
    QualitySignal,
    RaterReliability,
    RaterStanding,
    StandingState,
)

LISTED_RATERS, DAYS = 50, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterLine:
    """A rater by concern: what is known of them, and the labels of their concerns."""

    rater: Rater
    reliability: RaterReliability | None
    standing: RaterStanding | None
    concerns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingDetail:
    """What a check found, and the judgments that it rests on."""

    signal: QualitySignal
    check: Check
    evidence: list[tuple[Preference, str]]


def quarantine_of(contributor: Contributor) -> RaterStanding | None:
    """Return what a contributor is to be told: that their judgments do not count, and why."""
    return RaterStanding.objects.quarantined().filter(rater__contributor=contributor).first()


def rater_find(public_id: str) -> Rater:
    """Return the rater of this identifier; raise NotFoundError where there is none."""
    raters = Rater.objects.select_related("contributor", "standing")
    message = _("There is no such rater.")
    return get_or_not_found(raters, "not_found", message, public_id=public_id)


def raters_by_concern() -> list[RaterLine]:
    """Return those with a concern or in quarantine first, then those who agree least."""
    ids = _flagged_raters()
    ids += _least_agreeing(except_for=ids, limit=LISTED_RATERS - len(ids))
    raters = Rater.objects.select_related("contributor", "standing").in_bulk(ids)
    known = {row.rater_id: row for row in RaterReliability.objects.filter(rater__in=ids)}
    concerns: dict[UUID, list[str]] = defaultdict(list)
    rows = QualitySignal.objects.concerns().filter(rater__in=ids).order_by("kind")
    for rater, kind in rows.values_list("rater", "kind"):
        concerns[rater].append(str(CHECKS[kind].label))
    return [
        RaterLine(
            rater=raters[key],
            reliability=known.get(key),
            standing=getattr(raters[key], "standing", None),
            concerns=tuple(concerns.get(key, ())),
        )
        for key in ids
    ]


def finding_details(rater: Rater) -> list[FindingDetail]:
    """Return what the checks found of a rater, concerns first, with the evidence."""
    signals = list(QualitySignal.objects.filter(rater=rater).order_by("-concern", "kind"))
    keys = [key for signal in signals for key in signal.evidence]
    found = Preference.objects.select_related("comparison__turn").in_bulk(keys)
    return [
        FindingDetail(
            signal=signal,
            check=CHECKS[signal.kind],
            evidence=_displayed(signal.evidence, found),
        )
        for signal in signals
    ]


def concerns_by_day() -> list[tuple[date, int, str]]:
    """Return new concerns of the last days: the day, how many, the length of its bar in percent."""
    since = timezone.now() - timedelta(days=DAYS)
    rows = (
        QualitySignal.objects.concerns()
        .filter(since__gte=since)
        .annotate(day=TruncDate("since"))
        .values("day")
        .annotate(total=Count("id"))
        .order_by("-day")
    )
    most = max((row["total"] for row in rows), default=1)
    return [(row["day"], row["total"], f"{100 * row['total'] / most:.1f}%") for row in rows]


def _flagged_raters() -> list[UUID]:
    """Return the keys of raters in quarantine or with a concern, those with the most first."""
    rows = Rater.objects.annotate(
        concerns=Count("signals", filter=Q(signals__concern=True)),
        quarantined=Count("standing", filter=Q(standing__state=StandingState.QUARANTINED)),
    ).filter(Q(concerns__gt=0) | Q(quarantined__gt=0))
    ordered = rows.order_by("-quarantined", "-concerns", "id")
    return list(ordered.values_list("id", flat=True)[:LISTED_RATERS])


def _least_agreeing(*, except_for: Sequence[UUID], limit: int) -> list[UUID]:
    """Return the keys of raters whom the others confirm least."""
    rows = RaterReliability.objects.filter(compared__gt=0).exclude(rater__in=except_for)
    return list(rows.order_by("skill", "-compared").values_list("rater", flat=True)[:limit])


def _displayed(keys: Sequence[Any], found: dict[Any, Preference]) -> list[tuple[Preference, str]]:
    """Return judgments and what was chosen as it was displayed; some may be gone by now."""
    judgments = [found[key] for key in keys if key in found]
    return [(each, displayed_choice(each.choice, each.order_shown)) for each in judgments]
