"""Background work of training. A message carries no run: it tells a worker to look for one."""

import logging

from celery import Task, shared_task

from feedback.errors import ApplicationError
from feedback.people.services import audit_record
from feedback.training.execution import worker
from feedback.training.execution.leases import has_claimable_run, lost_runs_end
from feedback.training.notify import RUN_NEXT, workers_notify
from feedback.training.promotion.promoted_links import promoted_sync
from feedback.training.run_settings import Config
from feedback.training.services import run_request

logger = logging.getLogger(__name__)


@shared_task(name=RUN_NEXT)
def run_next() -> None:
    """Execute runs until none waits."""
    promoted_sync()
    while worker.next_run_execute():
        pass


@shared_task(name="training.run_scheduled", bind=True)
def run_scheduled(self: Task[..., None], kind: str = "", config: Config | None = None) -> None:
    """Queue the run of a schedule; beat sends this. One that is refused goes to the audit log."""
    schedule = str(getattr(self.request, "periodic_task_name", ""))[:200]  # beat sends its name
    try:
        run_request(kind=kind, config=config, schedule=schedule)
    except ApplicationError as error:
        logger.error("schedule %r: %s %s", schedule, error.message, error.fields or "")
        audit_record(
            actor=None,
            action="schedule.refused",
            subject=schedule,
            detail={"kind": kind, "problem": error.message, "fields": error.fields or {}},
        )


@shared_task(name="training.runs_recover")
def runs_recover() -> None:
    """Resume runs whose worker or message was lost, and repair the links; beat sends this."""
    lost_runs_end()
    promoted_sync()
    if has_claimable_run():
        workers_notify()
