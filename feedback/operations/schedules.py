"""The periodic work of the site, as rows of django-celery-beat."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from feedback.training.schedules.services import default_schedules_create

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Periodic:
    """A task that runs every so many seconds."""

    name: str
    task: str
    seconds: int


PERIODIC = (
    Periodic("Expire leases of tasks", "annotation.expire_leases", MINUTE),
    Periodic("Publish what is due", "publication.publish_due", MINUTE),
    Periodic("Compact the vote counts", "ranking.fold_tally", 5 * MINUTE),
    Periodic("Check the ranking", "ranking.check", 60 * MINUTE),
    Periodic("Refresh the consensus", "quality.refresh_consensus", 5 * MINUTE),
    Periodic("Decide who labels what", "hybrid.route_labels", 5 * MINUTE),
    Periodic("Encode new prompts", "routing.encode_prompts", MINUTE),
    Periodic("Ask new models the calibration prompts", "routing.probe_models", MINUTE),
    Periodic("Refresh what is known of new models", "routing.refresh_newcomers", 15),
    Periodic("Calibrate thresholds of routing", "routing.recalibrate", MINUTE),
    Periodic("Remove decisions that nobody judged", "routing.collect", 60 * MINUTE),
    Periodic("Remove rate limits that have run out", "people.sweep_limits", 10 * MINUTE),
    Periodic("Check paused providers", "registry.probe", 15),
    Periodic("Resume lost runs", "training.runs_recover", 20),
)


def schedules_ensure() -> int:
    """Write the site's periodic tasks as this module lists them; return how many there are.

    A row is known by its task, or by its name where a release renamed the task. An operator may
    pause one: whether it is enabled is left as it is.
    """
    with transaction.atomic():
        for entry in PERIODIC:
            rows = PeriodicTask.objects.filter(Q(task=entry.task) | Q(name=entry.name))
            row = rows.order_by("id").first() or PeriodicTask()
            row.name, row.task = entry.name, entry.task
            row.interval, _ = IntervalSchedule.objects.get_or_create(
                every=entry.seconds, period=IntervalSchedule.SECONDS
            )
            row.crontab = None
            row.expire_seconds = entry.seconds  # not piled up while no worker listens
            row.save()
    default_schedules_create()
    return len(PERIODIC)
