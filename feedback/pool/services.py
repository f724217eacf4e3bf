"""The one write path of judgments, and what can become of them afterwards."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.database.prepared import prepared_insert
from feedback.errors import ApplicationError, ConflictError
from feedback.people.models import ConsentRecord, Contributor, Rater
from feedback.people.services import audit_record
from feedback.pool.judgment import Judgment
from feedback.pool.models import (
    Comparison,
    Preference,
    PreferenceState,
    RaterRole,
)
from feedback.pool.publication_sequence import next_publication_number


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
            "idempotency_key", _("An idempotency key of 1 to 100 characters, please.")
        )
    preference = _made(comparison, rater, judgment, idempotency_key, provenance, supersedes)
    with transaction.atomic(savepoint=supersedes is not None):
        if supersedes is not None:
            if earlier := _repeat_of(rater, idempotency_key, comparison, judgment):
                return earlier, False
            _leave(supersedes, PreferenceState.SUPERSEDED)
        if prepared_insert(preference):
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


def preference_withdraw(*, preference: Preference, actor: Contributor) -> Preference:
    """Take a judgment out of the pool for good, with its free text; a repeat changes nothing."""
    with transaction.atomic():
        if _leave(preference, PreferenceState.WITHDRAWN):
            audit_record(actor=actor, action="preference.withdraw", subject=preference.public_id)
    return preference


def _leave(preference: Preference, state: PreferenceState) -> bool:
    """Move a judgment out of the active pool, once, with a number if it had been published."""
    locked = Preference.objects.select_for_update().get(pk=preference.pk)
    if locked.state == state:
        return False
    if locked.state == PreferenceState.WITHDRAWN:
        raise ConflictError("withdrawn", _("This judgment was withdrawn."))
    changed = ["state"]
    locked.state = state
    if locked.published_number is not None and locked.removed_number is None:
        locked.removed_number = next_publication_number()
        changed.append("removed_number")
    if state == PreferenceState.WITHDRAWN:
        locked.rationale, locked.reasons, locked.aspects = "", [], {}
        changed += ["rationale", "reasons", "aspects"]
    locked.save(update_fields=changed)
    preference.refresh_from_db()
    return True
