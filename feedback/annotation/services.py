"""Writes of the queue: lease, renew, skip, judge, revise, expire."""

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.annotation.answers import Answer
from feedback.annotation.leasing import lease_duration, lease_named, lease_next
from feedback.annotation.selectors import (
    LEASE_LOST,
    UNDO_OVER,
    Lease,
    LockedLease,
    assignment_find,
    assignment_named,
    assignment_taken,
    campaigns_for,
    lease_lock,
    leases_of,
    lesson_of,
)
from feedback.campaigns.models import Assignment, AssignmentState, Campaign, SkipReason
from feedback.database.prepared import prepared_rows
from feedback.errors import ConflictError, InvalidError
from feedback.people.models import Contributor
from feedback.pool.models import Preference
from feedback.pool.services import Provenance, preference_record
from feedback.quality.gold.services import gold_task_for

LIVE_LIMIT = 3
FINISH = """
UPDATE feedback_assignment SET state = %(state)s, finished_at = now(), skip_reason = %(reason)s
 WHERE id = %(id)s
"""
LOCK = "SELECT FROM feedback_contributor WHERE id = %(contributor)s FOR NO KEY UPDATE"
UNDO_OPEN = timedelta(minutes=1)
PAGE, API = "annotate", "api"  # sources of a judgment; the API tells the models' names


def task_lease(
    *, contributor: Contributor, campaign: Campaign | None = None, besides: Collection[str] = ()
) -> UUID | None:
    """Lease a task: the oldest live lease that is not `besides`, or a new one; None: none is free.

    Nobody has more than three live leases of what the call may choose from.
    """

    def choose(campaigns: Sequence[Campaign], live: Sequence[Lease]) -> UUID | None:
        if waiting := [lease.id for lease in live if lease.token not in besides]:
            return waiting[0]
        return _lease_more(contributor, campaigns, live)

    return _with_leases(contributor, campaign, choose)


def task_lease_more(*, contributor: Contributor, campaign: Campaign | None = None) -> UUID | None:
    """Lease one more task while there are fewer than three live leases."""
    return _with_leases(contributor, campaign, partial(_lease_more, contributor))


def assignment_lease(
    *, contributor: Contributor, campaign: Campaign | None = None, besides: Collection[str] = ()
) -> Assignment | None:
    """Lease as `task_lease` does, and return all that a page displays of it."""
    taken = task_lease(contributor=contributor, campaign=campaign, besides=besides)
    return assignment_taken(taken) if taken else None


def assignment_reclaim(*, contributor: Contributor, token: str) -> Assignment | None:
    """Reclaim the task of a lease that ran out, unless others have filled it meanwhile."""
    assignment = assignment_named(contributor=contributor, token=token)

    def choose(campaigns: Sequence[Campaign], live: Sequence[Lease]) -> UUID | None:
        if any(lease.id == assignment.id for lease in live):
            return assignment.id
        if not campaigns or len(live) >= LIVE_LIMIT:
            return None
        return lease_named(
            contributor=contributor,
            campaign_id=assignment.task.campaign_id,
            task_id=assignment.task_id,
        )

    taken = _with_leases(contributor, assignment.task.campaign, choose)
    return assignment_taken(taken) if taken else None


def _with_leases(
    contributor: Contributor,
    campaign: Campaign | None,
    choose: Callable[[Sequence[Campaign], Sequence[Lease]], UUID | None],
) -> UUID | None:
    """Return what `choose` takes, given the live leases; one call a person at a time.

    Leases that ran out are ended first, in a transaction of their own.
    """
    campaigns = campaigns_for(contributor, campaign)
    open_ids = {each.id for each in campaigns}
    while True:
        with transaction.atomic():
            _lock(contributor)
            leases = leases_of(contributor)
            if all(lease.is_live for lease in leases):
                return choose(campaigns, [each for each in leases if each.campaign_id in open_ids])
        assignments_expire(contributor=contributor)


def _lease_more(
    contributor: Contributor, campaigns: Sequence[Campaign], live: Sequence[Lease]
) -> UUID | None:
    if len(live) >= LIVE_LIMIT:
        return None
    found = (_lease_one(contributor, each) for each in campaigns)
    return next(filter(None, found), None)


def _lease_one(contributor: Contributor, campaign: Campaign) -> UUID | None:
    """Lease a gold item by the campaign's chance, else the next task of its order."""
    gold = gold_task_for(campaign=campaign, contributor=contributor)
    lease = gold and lease_named(contributor=contributor, campaign_id=campaign.id, task_id=gold)
    return lease or lease_next(contributor=contributor, campaign_id=campaign.id)


def _lock(contributor: Contributor) -> None:
    """Lock the contributor, so that the limit of leases holds; others do not wait."""
    prepared_rows(LOCK, {"contributor": contributor.id})


def assignment_renew(*, contributor: Contributor, token: str) -> Assignment:
    """Start the lease anew while it is live."""
    assignment = assignment_find(contributor=contributor, token=token)
    renewed = Assignment.objects.filter(
        pk=assignment.pk, token=token, state=AssignmentState.LIVE, expires_at__gt=Now()
    ).update(expires_at=Now() + lease_duration())
    if not renewed:
        raise ConflictError("lease_lost", _(LEASE_LOST))
    assignment.refresh_from_db(fields=["expires_at"])
    return assignment


def assignment_skip(*, contributor: Contributor, token: str, reason: str) -> LockedLease:
    """Skip a task; this contributor does not see it again. A repeat changes nothing."""
    if reason not in SkipReason.values:
        raise InvalidError({"reason": _("Not one of %s.") % ", ".join(SkipReason.values)})
    with transaction.atomic():
        lease = lease_lock(contributor=contributor, token=token)
        if lease.state != AssignmentState.SKIPPED:
            _require_live(lease)
            _finish(lease, AssignmentState.SKIPPED, reason)
    return lease


def assignment_submit(
    *,
    contributor: Contributor,
    token: str,
    answer: Answer,
    idempotency_key: str,
    source: str = PAGE,
) -> tuple[Preference, bool]:
    """Put the judgment of a live lease into the pool; whether it is new is the second value."""
    try:
        with transaction.atomic():
            lease = lease_lock(contributor=contributor, token=token)
            consent_id = lease.consent_id_required()
            if not lease.is_live and not _was_sent(lease, idempotency_key):
                _require_live(lease)
            preference, created = _record(lease, answer, idempotency_key, consent_id, source)
            if created:
                _finish(lease, AssignmentState.SUBMITTED)
    except ConflictError as error:
        if error.code == "already_judged":  # elsewhere, meanwhile: nothing is left to do here
            assignment_skip(contributor=contributor, token=token, reason=SkipReason.OTHER)
        raise
    return preference, created


def assignment_revise(
    *, contributor: Contributor, token: str, answer: Answer, idempotency_key: str
) -> tuple[Preference, bool]:
    """Change one's mind: the new judgment supersedes the old one.

    That ends a minute after the old one (a page opened within it may still send), once the names
    are known, and once a gold answer was told. A repeat gives the first result even then.
    """
    with transaction.atomic():
        lease = lease_lock(contributor=contributor, token=token)
        consent_id = lease.consent_id_required()
        previous = Preference.objects.active().filter(assignment=lease.id).first()
        is_open = previous is not None and may_undo(previous, UNDO_OPEN + lease_duration())
        if not is_open and not _was_sent(lease, idempotency_key):
            raise ConflictError("undo_over", _(UNDO_OVER))
        return _record(lease, answer, idempotency_key, consent_id, PAGE, supersedes=previous)


def may_undo(judgment: Preference, within: timedelta = UNDO_OPEN) -> bool:
    """Say whether a judgment is still as blind as it was, and young enough."""
    return is_fresh(judgment, within) and lesson_of(judgment) is None


def is_fresh(judgment: Preference, within: timedelta = UNDO_OPEN) -> bool:
    """Say whether a judgment is young enough, and was not answered with the models' names."""
    return judgment.source == PAGE and timezone.now() - judgment.judged_at <= within


def assignments_expire(*, contributor: Contributor | None = None) -> int:
    """End the leases whose time is over; how many.

    One statement and one transaction a lease: two of them then never wait for each other's tasks.
    """
    over = Assignment.objects.filter(state=AssignmentState.LIVE, expires_at__lte=Now())
    if contributor is not None:
        over = over.filter(contributor=contributor)
    return sum(
        over.filter(pk=pk).update(state=AssignmentState.EXPIRED, finished_at=Now())
        for pk in list(over.values_list("pk", flat=True))
    )


def _require_live(lease: LockedLease) -> None:
    if not lease.is_live:
        raise ConflictError("lease_lost", _(LEASE_LOST))


def _was_sent(lease: LockedLease, idempotency_key: str) -> bool:
    sent = Preference.objects.filter(rater=lease.rater_id, idempotency_key=idempotency_key)
    return sent.exists()


def _record(
    lease: LockedLease,
    answer: Answer,
    idempotency_key: str,
    consent_id: UUID,
    source: str,
    supersedes: Preference | None = None,
) -> tuple[Preference, bool]:
    return preference_record(
        comparison=lease.comparison,
        rater_id=lease.rater_id,
        judgment=answer.judgment(
            order=lease.order_shown, aspects=lease.aspects, reasons=lease.reasons
        ),
        idempotency_key=idempotency_key,
        provenance=Provenance(
            source=source,
            consent_id=consent_id,
            campaign_id=lease.campaign_id,
            assignment_id=lease.id,
        ),
        supersedes=supersedes,
    )


def _finish(lease: LockedLease, state: AssignmentState, reason: str = "") -> None:
    prepared_rows(FINISH, {"id": lease.id, "state": state.value, "reason": reason})
    lease.state = state
