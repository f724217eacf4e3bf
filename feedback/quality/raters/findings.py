"""Store what the checks find: one row a rater and check."""

from django.db import transaction
from django.utils import timezone

from feedback.quality.checks import CHECKS
from feedback.quality.judgments import Judgments
from feedback.quality.models import QualitySignal

UPDATED = ("statistic", "threshold", "n", "concern", "evidence", "since", "updated_at")


def findings_write(judgments: Judgments) -> None:
    """Check the raters of all judgments; a concern keeps the time at which it first was one."""
    now = timezone.now()
    with transaction.atomic():
        since = {
            (str(rater), kind): first
            for rater, kind, first in QualitySignal.objects.concerns().values_list(
                "rater_id", "kind", "since"
            )
        }
        rows = _rows(judgments)
        for row in rows:
            row.updated_at = now
            row.since = since.get((str(row.rater_id), row.kind), now) if row.concern else None
        QualitySignal.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["rater", "kind"],
            update_fields=UPDATED,
            batch_size=1000,
        )
        QualitySignal.objects.filter(updated_at__lt=now).delete()


def _rows(judgments: Judgments) -> list[QualitySignal]:
    return [
        QualitySignal(
            rater_id=judgments.raters.ids[found.rater],
            kind=check.kind,
            statistic=found.statistic,
            threshold=found.threshold,
            n=found.n,
            concern=bool(found.concern),
            evidence=[key.decode() for key in judgments.keys[found.evidence].tolist()],
        )
        for check in CHECKS.values()
        for found in check.findings(judgments)
    ]
