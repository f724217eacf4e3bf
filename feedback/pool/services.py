"""The one write path of judgments, and what can become of them afterwards."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.database.prepared import prepared_insert
from feedback.errors import ApplicationError, ConflictError
from feedback.people.models import Contributor
from feedback.people.services import audit_record_each
from feedback.pool.judgment import Judgment
from feedback.pool.lifecycle import (
    judgments_supersede,
    judgments_withdraw,
    publish_without_delay,
)
from feedback.pool.models import Comparison, Preference, PreferenceState, RaterRole
from feedback.pool.querysets import PreferenceQuerySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a judgment comes from and under which right it is kept."""

    source: str
    consent_id: uuid.UUID | None = None
    licence: str = ""
    role: str = RaterRole.THIRD_PARTY
    campaign_id: uuid.UUID | None = None
    assignment_id: uuid.UUID | None = None
    judged_at: datetime | None = None


def preference_record(
    *,
    comparison: Comparison,
    rater_id: uuid.UUID,
    judgment: Judgment,
    idempotency_key: str,
    provenance: Provenance,
    supersedes: Preference | None = None,
) -> tuple[Preference, bool]:
    """Put one judgment into the pool; whether it is new is the second value.

    A repeat with the same key and content gives the first result, the same key with another
    content is a conflict. Someone who has judged the comparison already must name the judgment
    that the new one supersedes.

    Raises InvalidError where the judgment is not as it should be, ConflictError where it cannot be
    recorded.
    """
    judgment.check()
    if not 1 <= len(idempotency_key) <= 100:
        raise ApplicationError(
            "idempotency_key", _("The idempotency key must have 1 to 100 characters.")
        )
    preference = preference_row(
        comparison_id=comparison.pk,
        rater_id=rater_id,
        judgment=judgment,
        idempotency_key=idempotency_key,
        provenance=provenance,
        supersedes=supersedes,
    )
    preference.comparison = comparison  # with what the caller has read of it
    # What would be superseded stays if the new one is not inserted: that needs a savepoint.
    with transaction.atomic(savepoint=supersedes is not None):
        if supersedes is not None:
            if earlier := _repeat_of(preference):
                return earlier, False
            _supersede(supersedes)
        if prepared_insert(preference):
            publish_without_delay()
            return preference, True
        if supersedes is not None:
            transaction.set_rollback(True)
    # Somebody was first: the same request twice, or a second judgment by this rater.
    if earlier := _repeat_of(preference):
        return earlier, False
    raise ConflictError("already_judged", _("You have judged this comparison already."))


def preference_row(
    *,
    comparison_id: uuid.UUID,
    rater_id: uuid.UUID,
    judgment: Judgment,
    idempotency_key: str,
    provenance: Provenance,
    supersedes: Preference | None = None,
) -> Preference:
    """Return a row for a judgment that was checked; it is not stored yet."""
    return Preference(
        comparison_id=comparison_id,
        rater_id=rater_id,
        role=provenance.role,
        source=provenance.source,
        campaign_id=provenance.campaign_id,
        assignment_id=provenance.assignment_id,
        consent_id=provenance.consent_id,
        licence=provenance.licence,
        supersedes=supersedes,
        idempotency_key=idempotency_key,
        request_digest=judgment.digest(),
        judged_at=provenance.judged_at or timezone.now(),
        **judgment.columns(),
    )


def _repeat_of(preference: Preference) -> Preference | None:
    """Return the judgment that this key gave before; a ConflictError if it said something else."""
    earlier = Preference.objects.filter(
        rater=preference.rater_id, idempotency_key=preference.idempotency_key
    ).first()
    if earlier is None:
        return None
    same_content = bytes(earlier.request_digest) == preference.request_digest
    if earlier.comparison_id != preference.comparison_id or not same_content:
        raise ConflictError(
            "idempotency_conflict", _("This idempotency key was used for another judgment.")
        )
    earlier.comparison = preference.comparison
    return earlier


def preferences_withdraw(*, rows: PreferenceQuerySet[Preference], actor: Contributor) -> int:
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
