"""Decide who may work on a run: a lease and an attempt number, on the clock of the database.

A run is claimed by one conditional UPDATE. Every later write of its worker names the attempt, so
that a worker whose lease expired and whose run another one resumed is refused.

While the database is down nobody can renew a lease: after its start every lease holds for its
length and the time that a worker's pool may take to find the database again, so that workers
which kept working are heard before their runs are taken from them.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import DateTimeField, F, Func, QuerySet, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Greatest, Now

from feedback.training.models import RunState, TrainingRun

ATTEMPTS = 3
RECONNECT_SECONDS = 15.0  # a pool waits 10 s for a connection before it gives up

CLAIM = """
UPDATE feedback_trainingrun
   SET state = 'running', attempt = attempt + 1, worker = %(worker)s, phase = 'starting',
       progress = 0, started_at = COALESCE(started_at, statement_timestamp()),
       lease_until = statement_timestamp() + make_interval(secs => %(lease)s)
 WHERE id = (
   SELECT id FROM feedback_trainingrun
    WHERE state = 'queued'
       OR (state = 'running'
           AND greatest(lease_until, pg_postmaster_start_time() + make_interval(secs => %(grace)s))
               < statement_timestamp()
           AND attempt < %(attempts)s AND NOT cancel_requested)
    ORDER BY created_at FOR UPDATE SKIP LOCKED LIMIT 1)
RETURNING id, attempt
"""


class LeaseLostError(Exception):
    """The run belongs to another attempt, or is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to work on a run, by one attempt."""

    run_id: uuid.UUID
    attempt: int

    def rows(self) -> QuerySet[TrainingRun]:
        """Return the run's row while this attempt holds its lease, and nothing afterwards."""
        return TrainingRun.objects.filter(
            pk=self.run_id, attempt=self.attempt, state=RunState.RUNNING
        )

    def write(self, **values: Any) -> None:
        """Write columns of the run. Raises LeaseLostError where another attempt took over."""
        if self.rows().update(**values) != 1:
            raise LeaseLostError


def run_claim(*, worker: str) -> Claim | None:
    """Claim the oldest run that is queued or whose lease expired; None where there is none."""
    values: dict[str, str | float] = {
        "worker": worker,
        "lease": settings.RUN_LEASE_SECONDS,
        "grace": settings.RUN_LEASE_SECONDS + RECONNECT_SECONDS,
        "attempts": ATTEMPTS,
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        row = cursor.fetchone()
    return None if row is None else Claim(run_id=row[0], attempt=row[1])


def run_heartbeat(*, claim: Claim, values: Mapping[str, Any]) -> bool:
    """Renew the lease and write progress; return whether somebody wants the run cancelled.

    Raises LeaseLostError where another attempt took over.
    """
    claim.write(lease_until=Now() + _lease(), **values)
    return TrainingRun.objects.filter(pk=claim.run_id, cancel_requested=True).exists()


def run_release(*, claim: Claim, reason: str) -> None:
    """Return the run to the queue for another attempt, or fail it after the last one."""
    if claim.attempt >= ATTEMPTS:
        run_fail(claim=claim, error=f"{reason} It was tried {claim.attempt} times.")
    else:
        run_requeue(claim=claim, reason=reason)


def run_requeue(*, claim: Claim, reason: str) -> None:
    """Return the run to the queue, whatever the number of its attempts."""
    claim.write(state=RunState.QUEUED, lease_until=None, worker="", phase="", error=reason)


def run_fail(*, claim: Claim, error: str) -> None:
    """End the run as failed for this reason."""
    claim.write(state=RunState.FAILED, error=error, lease_until=None, finished_at=Now())


def run_end_cancelled(*, claim: Claim, reason: str) -> None:
    """End the run as cancelled, by a person or because it would repeat another one."""
    claim.write(state=RunState.CANCELLED, error=reason, lease_until=None, finished_at=Now())


def run_succeed(*, claim: Claim, metrics: Mapping[str, Any]) -> None:
    """End the run as succeeded, in the transaction that registers what it made."""
    claim.write(
        state=RunState.SUCCEEDED,
        metrics=dict(metrics),
        error="",
        phase="done",
        progress=1.0,
        lease_until=None,
        finished_at=Now(),
    )


def lost_runs_end() -> int:
    """End the runs whose worker vanished and which nobody may resume; return how many."""
    expired = _expired()
    cancelled = expired.filter(cancel_requested=True).update(
        state=RunState.CANCELLED, lease_until=None, finished_at=Now()
    )
    failed = expired.filter(attempt__gte=ATTEMPTS).update(
        state=RunState.FAILED,
        error=f"Its worker vanished {ATTEMPTS} times in the middle of it.",
        lease_until=None,
        finished_at=Now(),
    )
    return cancelled + failed


def has_claimable_run() -> bool:
    """Return whether a worker would find a run to claim."""
    queued = TrainingRun.objects.filter(state=RunState.QUEUED)
    return queued.exists() or _expired().filter(attempt__lt=ATTEMPTS).exists()


def last_heard() -> CombinedExpression:
    """Return, as SQL, when a running run was last heard of: a lease before its lease ends."""
    return F("lease_until") - _lease()


def _expired() -> QuerySet[TrainingRun]:
    """Return the running runs whose worker could have renewed its lease and did not."""
    grace = Value(_lease() + timedelta(seconds=RECONNECT_SECONDS))
    heard_again = Greatest(F("lease_until"), CombinedExpression(_database_started(), "+", grace))
    return (
        TrainingRun.objects.filter(state=RunState.RUNNING)
        .annotate(end=heard_again)
        .filter(end__lt=Now())
    )


def _database_started() -> Func:
    return Func(function="pg_postmaster_start_time", output_field=DateTimeField())


def _lease() -> timedelta:
    return timedelta(seconds=settings.RUN_LEASE_SECONDS)
