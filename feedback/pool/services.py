"""The one write path of judgments, and what can become of them afterwards."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.database.prepared import prepared_insert
from feedback.errors import ApplicationError, ConflictError
from feedback.people.models import ConsentRecord, Contributor, Rater
from feedback.people.services import audit_record_each
from feedback.pool.judgment import Judgment
from feedback.pool.lifecycle import (
    judgments_supersede,
    judgments_withdraw,
    publish_without_delay,
)
from feedback.pool.models import Comparison, Preference, PreferenceState, RaterRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a judgment comes from and under which right it is kept."""

    source: str
    consent: ConsentRecord | None = None
    licence: str = ""
    role: RaterRole = RaterRole.THIRD_PARTY
    campaign_id: uuid.UUID | None = None
    assignment_id: uuid.UUID | None = None
    judged_at: datetime | None = None


def preference_record(
    *,
    comparison: Comparison,
    rater: Rater,
    judgment: Judgment,
    idempotency_key: str,
    provenance: Provenance,
    supersedes: Preference | None = None,
) -> tuple[Preference, bool]:
    """Put one judgment into the pool; whether it is new is the second value.

    A repeat with the same key and content gives the first result, the same key with another
    content is a conflict. Someone who has judged the comparison already must name the judgment
    that the new one supersedes.
    """
    judgment.check()
    if not 1 <= len(idempotency_key) <= 100:
        raise ApplicationError(
            "idempotency_key", _("The idempotency key must have 1 to 100 characters.")
        )
    preference = _made(comparison, rater, judgment, idempotency_key, provenance, supersedes)
    with transaction.atomic(savepoint=supersedes is not None):
        if supersedes is not None:
            if earlier := _repeat_of(rater, idempotency_key, comparison, judgment):
                return earlier, False
            _supersede(supersedes)
        if prepared_insert(preference):
            publish_without_delay()
            return preference, True
        if supersedes is not None:
            transaction.set_rollback(True)  # what it would have superseded stays
    # Somebody was first: the same request twice, or a second judgment by this rater.
    if earlier := _repeat_of(rater, idempotency_key, comparison, judgment):
        return earlier, False
    raise ConflictError("already_judged", _("You have judged this comparison already."))


def _made(
    comparison: Comparison,
    rater: Rater,
    judgment: Judgment,
    idempotency_key: str,
    provenance: Provenance,
    supersedes: Preference | None,
) -> Preference:
    return Preference(
        comparison=comparison,
        rater=rater,
        role=provenance.role,
        choice=judgment.choice,
        strength=judgment.strength,
        aspects=judgment.aspects,
        confidence=judgment.confidence,
        reasons=list(judgment.reasons),
        rationale=judgment.rationale,
        order_shown=judgment.order_shown,
        duration_ms=judgment.duration_ms,
        visibility=judgment.visibility,
        source=provenance.source,
        campaign_id=provenance.campaign_id,
        assignment_id=provenance.assignment_id,
        consent=provenance.consent,
        licence=provenance.licence,
        supersedes=supersedes,
        idempotency_key=idempotency_key,
        request_digest=judgment.digest(),
        judged_at=provenance.judged_at or timezone.now(),
    )


def _repeat_of(
    rater: Rater, key: str, comparison: Comparison, judgment: Judgment
) -> Preference | None:
    earlier = Preference.objects.filter(rater=rater, idempotency_key=key).first()
    if earlier is None:
        return None
    same_content = bytes(earlier.request_digest) == judgment.digest()
    if earlier.comparison_id != comparison.id or not same_content:
        raise ConflictError(
            "idempotency_conflict", _("This idempotency key was used for another judgment.")
        )
    earlier.comparison = comparison  # with what the caller has read of it
    return earlier


def preferences_withdraw(*, rows: QuerySet[Preference], actor: Contributor) -> int:
    """Take judgments out of the pool for good and write down who did; return how many.

    Those that were withdrawn before stay as they are.
    """
    with transaction.atomic():
        withdrawn = judgments_withdraw(rows)
        audit_record_each(actor=actor, action="preference.withdraw", subjects=withdrawn)
    return len(withdrawn)


def _supersede(preference: Preference) -> None:
    """Let a judgment make room for another; one that was superseded already has."""
    own = Preference.objects.filter(pk=preference.pk)
    if judgments_supersede(own):
        return
    state = own.values_list("state", flat=True).get()
    if state == PreferenceState.WITHDRAWN:
        raise ConflictError("withdrawn", _("This judgment was withdrawn."))
    if state == PreferenceState.QUARANTINED:
        raise ConflictError("not_active", _("This judgment does not count any more."))
