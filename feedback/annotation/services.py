"""Writes of the queue: lease, renew, put back, judge, revise, expire."""

from collections.abc import Collection

from django.db import transaction
from django.db.models.functions import Now

from feedback.annotation.answers import Answer
from feedback.annotation.leasing import lease, lease_duration
from feedback.annotation.models import Assignment, AssignmentState, SkipReason
from feedback.annotation.selectors import (
    HELD,
    LEASE_LOST,
    assignment_find,
    assignment_named,
    assignments_live,
    assignments_of,
    campaigns_open,
    judgment_of,
)
from feedback.campaigns.models import Campaign
from feedback.errors import ApplicationError, ConflictError
from feedback.people.models import ConsentRecord, Contributor
from feedback.people.selectors import consent_required, rater_of
from feedback.pool.models import Preference
from feedback.pool.services import Provenance, preference_record

LIVE_LIMIT = 3
PAGE, API = "annotate", "api"  # sources of a judgment; the API tells the models' names


def assignment_lease(
    *, contributor: Contributor, campaign: Campaign | None = None, besides: Collection[str] = ()
) -> Assignment | None:
    """The oldest hold that is not `besides`, or a new one; None where nothing is free.

    Nobody holds more than three at a time of what the call may choose from.
    """
    assignments_expire(contributor=contributor)
    campaigns = campaigns_open(campaign)
    with transaction.atomic():
        _lock(contributor)
        live = assignments_live(contributor, campaigns)
        if waiting := [held for held in live if held.token not in besides]:
            return waiting[0]
        if len(live) >= LIVE_LIMIT:
            return None
        rater = rater_of(contributor)
        for one in campaigns:
            if taken := lease(contributor=contributor, rater=rater, campaign_id=one.id):
                return assignments_of(contributor).get(pk=taken)
    return None


def assignment_prefetch(
    *, contributor: Contributor, campaign: Campaign | None = None
) -> Assignment | None:
    """One more hold beside those there are, while they are fewer than three."""
    live = assignments_live(contributor, campaigns_open(campaign))
    return assignment_lease(
        contributor=contributor, campaign=campaign, besides=[held.token for held in live]
    )


def assignment_take_again(*, contributor: Contributor, token: str) -> Assignment | None:
    """Hold the task of a lease that ran out once more, unless others have filled it meanwhile."""
    assignments_expire(contributor=contributor)
    assignment = assignment_named(contributor=contributor, token=token)
    campaigns = campaigns_open(assignment.task.campaign)
    with transaction.atomic():
        _lock(contributor)
        live = assignments_live(contributor, campaigns)
        if assignment in live:
            return assignment
        if not campaigns or len(live) >= LIVE_LIMIT:
            return None
        taken = lease(
            contributor=contributor,
            rater=rater_of(contributor),
            campaign_id=assignment.task.campaign_id,
            task_id=assignment.task_id,
        )
    return assignments_of(contributor).get(pk=taken) if taken else None


def _lock(contributor: Contributor) -> None:
    """One lease at a time for one person, so that the limit holds; others do not wait."""
    Contributor.objects.select_for_update(no_key=True).get(pk=contributor.pk)


def assignment_renew(*, contributor: Contributor, token: str) -> Assignment:
    """Start the lease anew while it is live."""
    assignment = assignment_find(contributor=contributor, token=token)
    renewed = Assignment.objects.filter(
        pk=assignment.pk, token=token, state=AssignmentState.LIVE, expires_at__gt=Now()
    ).update(expires_at=Now() + lease_duration())
    if not renewed:
        raise ConflictError("lease_lost", LEASE_LOST)
    assignment.refresh_from_db(fields=["expires_at"])
    return assignment


def assignment_skip(*, contributor: Contributor, token: str, reason: str) -> Assignment:
    """Put a task back; this contributor does not meet it again. A repeat changes nothing."""
    if reason not in SkipReason.values:
        fields = {"reason": f"Not one of {', '.join(SkipReason.values)}."}
        raise ApplicationError("invalid", "Some fields are not as they should be.", fields=fields)
    assignment = assignment_find(contributor=contributor, token=token)
    with transaction.atomic():
        held = _locked(assignment)
        if held.state != AssignmentState.SKIPPED:
            _require_live(held, token)
            _finish(held, AssignmentState.SKIPPED, reason)
    return held


def assignment_submit(
    *,
    contributor: Contributor,
    token: str,
    answer: Answer,
    idempotency_key: str,
    source: str = PAGE,
) -> tuple[Preference, bool]:
    """Put the judgment of a live lease into the pool; whether it is new is the second value."""
    assignment = assignment_find(contributor=contributor, token=token)
    consent = consent_required(contributor)
    try:
        with transaction.atomic():
            held = _locked(assignment)
            if not _was_sent(contributor, idempotency_key):
                _require_live(held, token)
            preference, created = _record(held, answer, idempotency_key, consent, source)
            if created:
                _finish(held, AssignmentState.SUBMITTED)
    except ConflictError as error:
        if error.code == "already_judged":  # elsewhere, meanwhile: nothing is left to do here
            assignment_skip(contributor=contributor, token=token, reason=SkipReason.OTHER)
        raise
    return preference, created


def assignment_revise(
    *, contributor: Contributor, token: str, answer: Answer, idempotency_key: str
) -> tuple[Preference, bool]:
    """Change one's mind: the new judgment supersedes the old one, until the names are known."""
    assignment = assignment_find(contributor=contributor, token=token)
    consent = consent_required(contributor)
    with transaction.atomic():
        held = _locked(assignment)
        previous = judgment_of(held)
        if previous is None or previous.source != PAGE:
            raise ConflictError("undo_over", "This judgment can no longer be changed here.")
        return _record(held, answer, idempotency_key, consent, PAGE, supersedes=previous)


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


def _locked(assignment: Assignment) -> Assignment:
    return (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("task__campaign", "task__comparison")
        .annotate(is_held=HELD)
        .get(pk=assignment.pk)
    )


def _require_live(held: Assignment, token: str) -> None:
    # The token once more, under the lock: the lease may have run out and been taken anew meanwhile.
    if not held.is_held or held.token != token:  # type: ignore[attr-defined]  # see _locked
        raise ConflictError("lease_lost", LEASE_LOST)


def _was_sent(contributor: Contributor, idempotency_key: str) -> bool:
    return Preference.objects.filter(
        rater__contributor=contributor, idempotency_key=idempotency_key
    ).exists()


def _record(
    held: Assignment,
    answer: Answer,
    idempotency_key: str,
    consent: ConsentRecord,
    source: str,
    supersedes: Preference | None = None,
) -> tuple[Preference, bool]:
    campaign = held.task.campaign
    return preference_record(
        comparison=held.task.comparison,
        rater=rater_of(consent.contributor),
        judgment=answer.judgment(order=held.order_shown, aspects=campaign.aspects),
        idempotency_key=idempotency_key,
        provenance=Provenance(
            source=source,
            consent=consent,
            campaign_id=campaign.id,
            assignment_id=held.id,
        ),
        supersedes=supersedes,
    )


def _finish(held: Assignment, state: AssignmentState, reason: str = "") -> None:
    Assignment.objects.filter(pk=held.pk).update(state=state, finished_at=Now(), skip_reason=reason)
    held.refresh_from_db(fields=["state", "finished_at", "skip_reason"])
