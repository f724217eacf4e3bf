"""Background work of training. Messages carry nothing that matters: they wake a worker."""

import logging

from celery import Task, shared_task

from feedback.errors import ApplicationError
from feedback.people.services import audit_record
from feedback.training.execution import worker
from feedback.training.execution.leases import expired_settle, work_waits
from feedback.training.promotion.promoted_links import promoted_sync
from feedback.training.services import run_request, workers_wake

logger = logging.getLogger(__name__)


@shared_task(name="training.run_next")
def run_next() -> None:
    """Work on runs until none waits."""
    promoted_sync()
    while worker.run_next():
        pass


@shared_task(name="training.run_scheduled", bind=True)
def run_scheduled(self: Task[[str], None], kind: str = "") -> None:
    """Beat: queue the run of a schedule. One for a kind that does not exist is written down."""
    schedule = str(getattr(self.request, "periodic_task_name", ""))[:200]  # beat sends its name
    try:
        run_request(kind=kind, schedule=schedule)
    except ApplicationError as error:
        logger.error("schedule %r: %s", schedule, error.message)
        audit_record(
            actor=None,
            action="schedule.refused",
            subject=schedule,
            detail={"kind": kind, "problem": error.message},
        )


@shared_task(name="training.runs_recover")
def runs_recover() -> None:
    """Beat: take up runs whose worker or whose message vanished, and mend the live files."""
    expired_settle()
    promoted_sync()
    if work_waits():
        workers_wake()
