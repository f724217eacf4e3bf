"""Reads of runs and checkpoints."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, Exists, ExpressionWrapper, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from feedback.database.lookup import get_or_not_found
from feedback.training.execution.leases import last_heard
from feedback.training.models import Checkpoint, Promotion, RunEvent, RunState, TrainingRun


def runs_list() -> QuerySet[TrainingRun]:
    """Return all runs, the newest first, each with its checkpoint and whether that was promoted.

    `promoted` is true of a checkpoint that was live at any time.
    """
    promotions = Promotion.objects.filter(checkpoint__run=OuterRef("pk"))
    return (
        TrainingRun.objects.select_related("checkpoint__model_version__model", "requested_by")
        .annotate(promoted=Exists(promotions))
        .order_by("-number")
    )


def run_get(number: int) -> TrainingRun:
    """Return the run of that number, or raise NotFoundError."""
    message = _("There is no run %s.") % number
    return get_or_not_found(_timed(), "no_such_run", message, number=number)


def run_find(run_id: uuid.UUID) -> TrainingRun:
    """Return the run with that identifier, or raise NotFoundError."""
    message = _("There is no such run.")
    return get_or_not_found(runs_list(), "no_such_run", message, pk=run_id)


def checkpoint_get(checkpoint_id: uuid.UUID) -> Checkpoint:
    """Return the checkpoint with that identifier, or raise NotFoundError."""
    rows = Checkpoint.objects.select_related("run", "model_version")
    message = _("There is no such checkpoint.")
    return get_or_not_found(rows, "no_such_checkpoint", message, pk=checkpoint_id)


def run_events(run: TrainingRun) -> QuerySet[RunEvent]:
    """Return the points of the curves of the run's last attempt, in the order they came."""
    return RunEvent.objects.filter(run=run, attempt=run.attempt).order_by("id")


def runs_newest(limit: int = 50) -> list[TrainingRun]:
    """Return the newest runs, each with when it was last heard of (`heard_at`) and `now`."""
    return list(_timed()[:limit])


def _timed() -> QuerySet[TrainingRun]:
    heard = ExpressionWrapper(last_heard(), output_field=DateTimeField())
    return runs_list().annotate(heard_at=heard, now=Now())


def seconds_left(run: Any) -> float | None:
    """Return about how long a running run still takes, from what it has done so far."""
    if run.state != RunState.RUNNING or run.started_at is None or run.progress < 0.05:
        return None
    spent: timedelta = run.now - run.started_at
    return float(spent.total_seconds() * (1 - run.progress) / run.progress)


def silence(run: Any, lease_seconds: float) -> timedelta | None:
    """Return how long a running run has been silent, where that is longer than its lease."""
    heard: datetime | None = run.heard_at
    if run.state != RunState.RUNNING or heard is None:
        return None
    quiet: timedelta = run.now - heard
    return quiet if quiet.total_seconds() > lease_seconds else None
