"""Reads of runs and checkpoints."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from feedback.errors import NotFoundError
from feedback.training.execution.leases import last_heard
from feedback.training.models import Checkpoint, RunEvent, RunState, TrainingRun

UNFINISHED = (RunState.QUEUED, RunState.RUNNING)


def runs_list() -> QuerySet[TrainingRun]:
    """All runs, the newest first, with what they made."""
    return TrainingRun.objects.select_related("checkpoint", "requested_by").order_by("-number")


def run_get(number: int) -> TrainingRun:
    """The run of that number."""
    run = _timed().filter(number=number).first()
    if run is None:
        raise NotFoundError("no_such_run", _("There is no run %s.") % number)
    return run


def run_find(run_id: uuid.UUID) -> TrainingRun:
    """The run with that identifier."""
    run = runs_list().filter(pk=run_id).first()
    if run is None:
        raise NotFoundError("no_such_run", _("There is no such run."))
    return run


def checkpoint_get(checkpoint_id: uuid.UUID) -> Checkpoint:
    """The checkpoint with that identifier."""
    checkpoint = Checkpoint.objects.select_related("run").filter(pk=checkpoint_id).first()
    if checkpoint is None:
        raise NotFoundError("no_such_checkpoint", _("There is no such checkpoint."))
    return checkpoint


def run_events(run: TrainingRun) -> QuerySet[RunEvent]:
    """The points of the curves of the run's last attempt, in the order they came."""
    return RunEvent.objects.filter(run=run, attempt=run.attempt).order_by("id")


def runs_shown(limit: int = 50) -> list[TrainingRun]:
    """The newest runs, each with how long ago it was heard of (`heard_at`, `now`)."""
    return list(_timed()[:limit])


def _timed() -> QuerySet[TrainingRun]:
    instant = DateTimeField()
    heard = ExpressionWrapper(last_heard(), output_field=instant)
    return runs_list().annotate(heard_at=heard, now=Now())


def seconds_left(run: Any) -> float | None:
    """About how long a running run still takes, from what it has done so far."""
    if run.state != RunState.RUNNING or run.started_at is None or run.progress < 0.05:
        return None
    spent: timedelta = run.now - run.started_at
    return float(spent.total_seconds() * (1 - run.progress) / run.progress)


def silence(run: Any, lease_seconds: float) -> timedelta | None:
    """How long a running run has been silent, where that is longer than its lease."""
    heard: datetime | None = run.heard_at
    if run.state != RunState.RUNNING or heard is None:
        return None
    quiet: timedelta = run.now - heard
    return quiet if quiet.total_seconds() > lease_seconds else None


def run_body(run: TrainingRun) -> dict[str, Any]:
    """The JSON of a run, for the API and for `manage.py train`."""
    checkpoint = getattr(run, "checkpoint", None)
    seconds = None
    if run.started_at and run.finished_at:
        seconds = round((run.finished_at - run.started_at).total_seconds(), 3)
    return {
        "id": str(run.id),
        "number": run.number,
        "kind": run.kind,
        "state": run.state,
        "phase": run.phase,
        "progress": run.progress,
        "attempt": run.attempt,
        "config": run.config,
        "seed": run.seed,
        "snapshot_digest": run.snapshot_digest,
        "code_version": run.code_version,
        "schedule": run.schedule,
        "metrics": run.metrics,
        "error": run.error,
        "checkpoint": checkpoint_body(checkpoint) if checkpoint else None,
        "promoted": checkpoint.promotions.exists() if checkpoint else False,
        "seconds": seconds,
        "created_at": run.created_at.isoformat(),
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }


def checkpoint_body(checkpoint: Checkpoint) -> dict[str, Any]:
    """The JSON of a checkpoint."""
    return {
        "id": str(checkpoint.id),
        "kind": checkpoint.kind,
        "version": checkpoint.version,
        "state": checkpoint.state,
        "reason": checkpoint.reason,
        "digest": checkpoint.digest,
        "files": checkpoint.files,
        "model": checkpoint.model_version.label if checkpoint.model_version else None,
    }
