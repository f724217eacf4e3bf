"""Writes of the queue: lease, renew, put back, judge, revise, expire."""

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
    Held,
    Hold,
    assignment_find,
    assignment_named,
    assignment_taken,
    campaigns_for,
    held_lock,
    holds_of,
    lesson_of,
)
from feedback.campaigns.models import Assignment, AssignmentState, Campaign, SkipReason
from feedback.database.prepared import prepared_rows
from feedback.errors import ConflictError, InvalidError
from feedback.people.models import ConsentRecord, Contributor
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


def task_hold(
    *, contributor: Contributor, campaign: Campaign | None = None, besides: Collection[str] = ()
) -> UUID | None:
    """The assignment held longest that is not `besides`, or a new one; None: nothing is free.

    Nobody holds more than three at a time of what the call may choose from.
    """

    def choose(campaigns: Sequence[Campaign], live: Sequence[Hold]) -> UUID | None:
        if waiting := [held.id for held in live if held.token not in besides]:
            return waiting[0]
        return _lease_more(contributor, campaigns, live)

    return _with_holds(contributor, campaign, choose)


def task_hold_more(*, contributor: Contributor, campaign: Campaign | None = None) -> UUID | None:
    """One more assignment beside those there are, while they are fewer than three."""
    return _with_holds(contributor, campaign, partial(_lease_more, contributor))


def assignment_lease(
    *, contributor: Contributor, campaign: Campaign | None = None, besides: Collection[str] = ()
) -> Assignment | None:
    """What `task_hold` takes, with all that a page shows of it."""
    taken = task_hold(contributor=contributor, campaign=campaign, besides=besides)
    return assignment_taken(taken) if taken else None


def assignment_take_again(*, contributor: Contributor, token: str) -> Assignment | None:
    """Hold the task of a lease that ran out once more, unless others have filled it meanwhile."""
    assignment = assignment_named(contributor=contributor, token=token)

    def choose(campaigns: Sequence[Campaign], live: Sequence[Hold]) -> UUID | None:
        if any(held.id == assignment.id for held in live):
            return assignment.id
        if not campaigns or len(live) >= LIVE_LIMIT:
            return None
        return lease_named(
            contributor=contributor,
            campaign_id=assignment.task.campaign_id,
            task_id=assignment.task_id,
        )

    taken = _with_holds(contributor, assignment.task.campaign, choose)
    return assignment_taken(taken) if taken else None


def _with_holds(
    contributor: Contributor,
    campaign: Campaign | None,
    choose: Callable[[Sequence[Campaign], Sequence[Hold]], UUID | None],
) -> UUID | None:
    """What `choose` takes, seeing what is held in the open campaigns; one call a person at a time.

    What ran out is ended first, in a transaction of its own.
    """
    campaigns = campaigns_for(contributor, campaign)
    open_ids = {each.id for each in campaigns}
    while True:
        with transaction.atomic():
            _lock(contributor)
            holds = holds_of(contributor)
            if all(held.is_live for held in holds):
                return choose(campaigns, [held for held in holds if held.campaign_id in open_ids])
        assignments_expire(contributor=contributor)


def _lease_more(
    contributor: Contributor, campaigns: Sequence[Campaign], live: Sequence[Hold]
) -> UUID | None:
    if len(live) >= LIVE_LIMIT:
        return None
    found = (_lease_one(contributor, each) for each in campaigns)
    return next(filter(None, found), None)


def _lease_one(contributor: Contributor, campaign: Campaign) -> UUID | None:
    """By the campaign's chance a known answer, else the next task of its order."""
    gold = gold_task_for(campaign=campaign, contributor=contributor)
    held = gold and lease_named(contributor=contributor, campaign_id=campaign.id, task_id=gold)
    return held or lease_next(contributor=contributor, campaign_id=campaign.id)


def _lock(contributor: Contributor) -> None:
    """One lease at a time for one person, so that the limit holds; others do not wait."""
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


def assignment_skip(*, contributor: Contributor, token: str, reason: str) -> Held:
    """Put a task back; this contributor does not meet it again. A repeat changes nothing."""
    if reason not in SkipReason.values:
        raise InvalidError({"reason": _("Not one of %s.") % ", ".join(SkipReason.values)})
    with transaction.atomic():
        held = held_lock(contributor=contributor, token=token)
        if held.state != AssignmentState.SKIPPED:
            _require_live(held)
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
    try:
        with transaction.atomic():
            held = held_lock(contributor=contributor, token=token)
            consent = held.consent_required()
            if not held.is_live and not _was_sent(held, idempotency_key):
                _require_live(held)
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
    """Change one's mind: the new judgment supersedes the old one.

    That ends a minute after the old one (a page opened within it may still send), once the names
    are known, and once a known answer was told. A repeat gives the first result even then.
    """
    with transaction.atomic():
        held = held_lock(contributor=contributor, token=token)
        consent = held.consent_required()
        previous = Preference.objects.active().filter(assignment=held.id).first()
        is_open = previous is not None and may_undo(previous, UNDO_OPEN + lease_duration())
        if not is_open and not _was_sent(held, idempotency_key):
            raise ConflictError("undo_over", _(UNDO_OVER))
        return _record(held, answer, idempotency_key, consent, PAGE, supersedes=previous)


def may_undo(judgment: Preference, within: timedelta = UNDO_OPEN) -> bool:
    """Whether a judgment is still as blind as it was, and young enough."""
    return is_fresh(judgment, within) and lesson_of(judgment) is None


def is_fresh(judgment: Preference, within: timedelta = UNDO_OPEN) -> bool:
    """Whether a judgment is young enough, and was not answered with the models' names."""
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


def _require_live(held: Held) -> None:
    if not held.is_live:
        raise ConflictError("lease_lost", _(LEASE_LOST))


def _was_sent(held: Held, idempotency_key: str) -> bool:
    sent = Preference.objects.filter(rater=held.rater_id, idempotency_key=idempotency_key)
    return sent.exists()


def _record(
    held: Held,
    answer: Answer,
    idempotency_key: str,
    consent: ConsentRecord,
    source: str,
    supersedes: Preference | None = None,
) -> tuple[Preference, bool]:
    return preference_record(
        comparison=held.comparison,
        rater_id=held.rater_id,
        judgment=answer.judgment(
            order=held.order_shown, aspects=held.aspects, reasons=held.reasons
        ),
        idempotency_key=idempotency_key,
        provenance=Provenance(
            source=source,
            consent_id=consent.pk,
            campaign_id=held.campaign_id,
            assignment_id=held.id,
        ),
        supersedes=supersedes,
    )


def _finish(held: Held, state: AssignmentState, reason: str = "") -> None:
    prepared_rows(FINISH, {"id": held.id, "state": state.value, "reason": reason})
    held.state = state
